"""The admin as a whole: its pages' common frame, which knows both apps."""
