from django.apps import AppConfig


class ParticipantsConfig(AppConfig):
    name = "participants"

    def ready(self) -> None:
        from participants.events.recent_events import Observer
        from programs.rulebook import observed

        observed.provide(Observer())
