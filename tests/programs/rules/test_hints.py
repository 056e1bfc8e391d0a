"""What people bring from spreadsheets, SQL, JavaScript and Python is met with what to write instead, and that means the same."""

from decimal import Decimal
from typing import Any

import pytest

from programs.rulebook import vocabulary
from programs.rulebook.reference import FACTS
from programs.rules import RuleSyntaxError, hints
from programs.rules.values import written

EVENT: dict[str, Any] = {
    "type": "purchase", "amount": Decimal(15), "x": Decimal(5), "y": Decimal("2.7"), "n": Decimal(-3), "vip": True, "no": None,
    "sku": "AB-1", "name": " Ana ", "skus": ["A1", "B2"], "prices": [Decimal(4), Decimal(9)], "text": "7.5",
    "flags": [True, False], "when": "2026-01-15T10:30:00Z",
    "items": [{"price": Decimal(4), "qty": Decimal(1)}, {"price": Decimal(9), "qty": Decimal(3)}],
}  # fmt: skip
# `now` in the facts is Thursday 2026-01-15, 10:30 in UTC; the zone is Berlin.

# What somebody writes, the end of the first error, and the value of what is suggested instead of all that is wrong,
# or "" where the error does not suggest exactly what to write.
WRITTEN = [
    # Conditions
    ("event.amount > 1 and event.vip", "Did you mean &&?", "true"),
    ("event.amount > 99 AND event.vip", "Did you mean &&?", "false"),
    ("event.amount > 99 or event.vip", "Did you mean ||?", "true"),
    ("event.amount > 99 OR event.x > 99", "Did you mean ||?", "false"),
    ("not event.vip", "Write !event.vip.", "false"),
    ("NOT event.x == 5", "Write !(event.x == 5).", "false"),
    ("event.vip and not event.x > 9", "Did you mean &&?", "true"),
    ("not(event.vip)", "Write !event.vip.", "false"),
    ("not(event.x == 6)", "Write !(event.x == 6).", "true"),
    ("AND(event.vip, event.x > 1)", "Write event.vip && event.x > 1.", "true"),
    ("OR(event.vip && false, event.x > 9, event.x == 5)", "Write (event.vip && false) || event.x > 9 || event.x == 5.", "true"),
    ("NOT(event.vip || false)", "Write !(event.vip || false).", "false"),
    ("xor(event.vip, event.x > 9)", "Write event.vip != (event.x > 9).", "true"),
    ("event.vip xor false", "Write !=.", "true"),
    ("event.x is null", "Write == null.", "false"),
    ("event.x IS NOT NULL", "Write != null.", "true"),
    ("event.type is not 'refund'", "Write !=.", "true"),
    ("event.type is 'purchase'", "Did you mean ==?", "true"),
    ("event.amount is greater than 10", "Write >.", "true"),
    ("event.amount greater than or equal to 15", "Write >=.", "true"),
    ("event.amount is less than 10", "Write <.", "false"),
    ("event.amount is at least 15", "Write >=.", "true"),
    ("event.amount equals 15", "Did you mean ==?", "true"),
    ("event.amount <> 15", "For “not equal”, write !=.", "false"),
    ("event.amount = 15", "To compare, write ==.", "true"),
    ("=event.amount > 10", "A rule does not start with =.", "true"),
    ("event.type === 'purchase'", "Write ==.", "true"),
    ("event.type !== 'purchase'", "Write !=.", "false"),
    ("event.amount =! 15", "Write !=.", "false"),
    ("event.amount => 15", "Write >= or <=.", "true"),
    ("event.amount =< 14", "Write >= or <=.", "false"),
    ("event.amount !> 15", "Write <=.", "true"),
    ("event.amount ≥ 15", "Write >=.", "true"),
    ("event.amount ≤ 14", "Write <=.", "false"),
    ("event.amount ≠ 15", "Write !=.", "false"),
    ("event.vip & event.x > 1", "For “and”, write &&. To join texts, write +.", "true"),
    ("event.vip | event.x > 9", "For “or”, write ||.", "true"),
    ("10 < event.amount < 20", "Write 10 < event.amount && event.amount < 20.", "true"),
    ("10 < event.amount <= event.x", "Write 10 < event.amount && event.amount <= event.x.", "false"),
    ("event.amount > 10 && < 20", "Write event.amount > 10 && event.amount < 20.", "true"),
    ("event.amount between 10 and 20", "Write event.amount >= 10 && event.amount <= 20.", "true"),
    ("event.amount NOT BETWEEN 10 AND 20", "Write (event.amount < 10 || event.amount > 20).", "false"),
    ("between(event.amount, 10, 20)", "Write event.amount >= 10 && event.amount <= 20.", "true"),
    ("event.type == 'refund' || 'purchase'", "Write event.type in ['refund', 'purchase'].", "true"),
    ("event.type == 'a' || 'b' || 'c'", "Write event.type in ['a', 'b', 'c'].", "false"),
    ("type == 'purchase'", "Did you mean event.type?", "true"),
    ("type in ['purchase', 'order']", "Did you mean event.type?", "true"),
    ("event.vip == True", "Write true.", "true"),
    ("event.vip == FALSE", "Write false.", "false"),
    ("event.no == None", "Write null.", "true"),
    ("event.no == NULL", "Write null.", "true"),
    ("event.no == nil", "Write null.", "true"),
    ("event.x == undefined", "For a field that may be missing, write has(event.x).", ""),
    ("if event.x > 4 then 2 else 1", "Write event.x > 4 ? 2 : 1.", "2"),
    ("if (event.x > 9) 2 else 1", "Write event.x > 9 ? 2 : 1.", "1"),
    ("if (event.x > 9) { return 2; } else { return 1; }", "Write event.x > 9 ? 2 : 1.", "1"),
    ("2 if event.x > 4 else 1", "Write event.x > 4 ? 2 : 1.", "2"),
    ("if(event.x > 4, 2, 1)", "Write (event.x > 4 ? 2 : 1).", "2"),
    ("IF(event.x > 4, 2, 1) * 10", "Write (event.x > 4 ? 2 : 1).", "20"),
    ("IIF(event.vip, IF(event.x > 9, 3, 2), 1)", "Write event.vip ? IF(event.x > 9, 3, 2) : 1.", "2"),
    ("case when event.vip then 2 else 1 end", "Write test ? value : other test ? value : other value.", ""),
    ("switch(event.type)", "Write test ? value : other test ? value : other value.", ""),
    ("iferror(event.x, 0)", 'For a field that may be missing, write get(event, "field", 0).', ""),
    ("coalesce(event.lost, 3)", 'Write get(event, "lost", 3).', "3"),
    ("IFNULL(event['lost'], 3)", 'Write get(event, "lost", 3).', "3"),
    ("event.lost ?? 3", 'Write get(event, "lost", 3).', "3"),
    ("event.lost ?: 3", 'Write get(event, "lost", 3).', "3"),
    ("event.items[0]?.price", "as in event.?shipping.?price.orValue(0).", ""),
    ("event?.lost", "as in event.?shipping.?price.orValue(0).", ""),
    ("isblank(event.lost)", 'Write get(event, "lost", null) == null.', "true"),
    ("ISNULL(event.x)", 'Write get(event, "x", null) == null.', "false"),
    ("event.has('x')", "Write has(event.x).", "true"),
    ("event.hasOwnProperty('order-id')", "Write has(event['order-id']).", "false"),
    ("exists(event.x)", "Write has(event.x).", "true"),
    ("isset(event['x'])", "Write has(event['x']).", "true"),
    ("event.get('x', 0)", "Write get(event, 'x', 0).", "5"),
    ("event.get('x')", "Write get(event, 'x', null).", "5"),
    ("isempty(event.skus)", "Write size(event.skus) == 0.", "false"),
    ("return event.vip", "A rule is a single expression. Remove return.", "true"),
    ("event.vip;", "A rule is a single expression. Remove the semicolon.", "true"),
    ("let x = event.amount * 2", "To name a value, write cel.bind(x, value, expression).", ""),
    ("event->type == 'purchase'", "Write event.type.", "true"),
    ("event::type == 'purchase'", "Write event.type.", "true"),
    ("event.'type' == 'purchase'", "Write ['type'].", "true"),
    ("${event.x} > 1", "Write names without $ and brackets.", "true"),
    ("{{ event.x }} > 1", "Write names without brackets.", "true"),
    ("$event.x > 1", "Write names without $.", "true"),
    ("@event.x > 1", "Write names without @.", "true"),
    ("event.vip # gold", "Comments start with //.", "true"),
    ("event.vip /* gold */", "Comments start with // and end with the line.", ""),
    ("event.vip -- gold", "-- is a minus before a minus. Comments start with //.", ""),
    ("typeof event.type == string", "Write type(event.type).", "true"),
    ("event.type instanceof String", "Write type(event.type) == string.", "true"),
    ("isNumber(event.x)", "Write type(event.x) == double.", "true"),
    # Lists
    ("event.type in ('purchase', 'order')", "Write a list in square brackets: in ['purchase', 'order'].", "true"),
    ("event.type not in ['refund']", "Write !(event.type in ['refund']).", "true"),
    ("event.type !in ['refund']", "Write !(event.type in ['refund']).", "true"),
    ("participant.tags.contains('vip')", "Write 'vip' in participant.tags.", "true"),
    ("contains(participant.tags, 'vip')", "Write 'vip' in participant.tags.", "true"),
    ("participant.tags.includes('vip')", "Write 'vip' in participant.tags.", "true"),
    ("event.skus.includes('A1')", "For a list, write 'A1' in event.skus; for a text, event.skus.contains('A1').", ""),
    ("participant.tags == 'vip'", "Write 'vip' in participant.tags.", "true"),
    ("participant.tags != 'vip'", "Write !('vip' in participant.tags).", "false"),
    ("event.items.any(i, i.price > 8)", "Write event.items.exists(i, i.price > 8).", "true"),
    ("event.items.some(i => i.price > 8)", "as in list.map(x, x.price).", "true"),
    ("any(event.flags)", "Write event.flags.exists(x, x).", "true"),
    ("event.items.every(i, i.price > 8)", "Write event.items.all(i, i.price > 8).", "false"),
    ("event.items.map(i => i.price)", "as in list.map(x, x.price).", "[4, 9]"),
    ("event.items.where(i, i.price > 8).map(i, i.price)", "Write event.items.filter(i, i.price > 8).", "[9]"),
    ("[i.price for i in event.items]", "Write event.items.map(i, i.price).", "[4, 9]"),
    ("event.items[*].price", "Write .map(x, x.price).", "[4, 9]"),
    ("event.items.forEach(i, i.price)", "to make another, list.map(x, …) or list.filter(x, …).", ""),
    ("len(event.skus)", "Write size(event.skus).", "2"),
    ("event.skus.length()", "Write size(event.skus).", "2"),
    ("participant.tags.length", "Write size(participant.tags).", "2"),
    ("participant.tags.size > 1", "Write participant.tags.size().", "true"),
    ("count(event.skus)", "Write size(event.skus).", "2"),
    ("event.items.count(i, i.price > 8)", "Write size(event.items.filter(i, i.price > 8)).", "1"),
    ("event.skus.count('A1')", "Write size(event.skus.filter(x, x == 'A1')).", "1"),
    ("COUNT(*)", "Write size(list).", ""),
    ("countif(event.prices, 4)", "as in size(event.items.filter(i, i.price > 10)).", ""),
    ("event.skus.at(1)", "Write event.skus[1].", '"B2"'),
    ("event.skus.append('C3')", "Write event.skus + ['C3'].", '["A1", "B2", "C3"]'),
    ("event.items[0].keys()", "Write event.items[0].map(k, k).", '["price", "qty"]'),
    ("sum(event.prices)", "Write event.prices.sum().", "13"),
    ("SUM(event.amount, event.x)", "Write [event.amount, event.x].sum().", "20"),
    ("event.items.sum(i, i.price * i.qty)", "Write event.items.map(i, i.price * i.qty).sum().", "31"),
    ("event.items.total(i, i.price)", "Write event.items.map(i, i.price).sum().", "13"),
    ("avg(event.prices)", "Write event.prices.sum() / size(event.prices).", "6.5"),
    ("event.items.average(i, i.price)", "Write event.items.map(i, i.price).sum() / size(event.items).", "6.5"),
    ("SUMIF(event.prices, 4)", "as in event.items.filter(i, i.price > 10).map(i, i.price).sum().", ""),
    ("event.items.max(i, i.price)", "Write event.items.map(i, i.price).max().", "9"),
    ("event.items.maxBy(i, i.price).qty", "Write event.items.sortBy(i, i.price).last().", "3"),
    ("event.items.minBy(i, i.price).qty", "Write event.items.sortBy(i, i.price).first().", "1"),
    ("sort(event.prices)", "Write event.prices.sort().", "[4, 9]"),
    ("sorted(event.skus)", "Write event.skus.sort().", '["A1", "B2"]'),
    ("event.items.orderBy(i, -i.price)[0].qty", "Write event.items.sortBy(i, -i.price).", "3"),
    ("event.items.sort(i, i.price)[0].qty", "Write event.items.sortBy(i, i.price).", "1"),
    ("UNIQUE(event.skus)", "Write event.skus.distinct().", '["A1", "B2"]'),
    ("first(event.skus)", "Write event.skus.first().", '"A1"'),
    ("event.skus.take(5)", "Write event.skus.slice(0, min(5, size(event.skus))).", '["A1", "B2"]'),
    ("event.skus.slice(1)", "Write event.skus.slice(1, size(event.skus)).", '["B2"]'),
    ("event.skus.reversed()", "Write event.skus.reverse().", '["B2", "A1"]'),
    ("[event.skus, event.skus].flat()", "Write [event.skus, event.skus].flatten().", '["A1", "B2", "A1", "B2"]'),
    ("event.items.sum(i => i.price)", "as in list.map(x, x.price).", "13"),
    ("event.items.average(i, i.price) * 2", "Write (event.items.map(i, i.price).sum() / size(event.items)).", "13"),
    ("event.skus.Last()", "Did you mean last?", '"B2"'),
    ("event.items.find(i, i.price > 8).qty", "Write event.items.filter(i, i.price > 8).first().", "3"),
    ("event.skus.hasAny(['A1', 'C3'])", "Write sets.intersects(event.skus, ['A1', 'C3']).", "true"),
    ("event.prices.contains(4)", "Write 4 in event.prices.", "true"),
    ("VLOOKUP(event.type, event.prices, 2)", "or get({\"gold\": 2}, event.level, 0) with a default.", ""),
    ("sum(event.prices)", "Write event.prices.sum().", "13"),
    ("SUM(event.x, event.amount, 1)", "Write [event.x, event.amount, 1].sum().", "21"),
    ("event.items.sum(i, i.price * i.qty)", "Write event.items.map(i, i.price * i.qty).sum().", "31"),
    ("event.items.sum(i => i.price)", "as in list.map(x, x.price).", "13"),
    ("avg(event.prices)", "Write event.prices.sum() / size(event.prices).", "6.5"),
    ("event.items.average(i, i.price) * 2", "Write (event.items.map(i, i.price).sum() / size(event.items)).", "13"),
    ("event.items.reduce(t, i, t + i.price)", "To add up, write list.map(x, …).sum(); for the largest, list.map(x, …).max().", ""),
    ("first(event.skus)", "Write event.skus.first().", '"A1"'),
    ("event.skus.Last()", "Did you mean last?", '"B2"'),
    ("event.items.find(i, i.price > 8).qty", "Write event.items.filter(i, i.price > 8).first().", "3"),
    ("unique(event.skus)", "Write event.skus.distinct().", '["A1", "B2"]'),
    ("sorted(event.prices)", "Write event.prices.sort().", "[4, 9]"),
    ("event.items.orderBy(i, -i.price).first().price", "Write event.items.sortBy(i, -i.price).", "9"),
    ("event.items.maxBy(i, i.price).qty", "Write event.items.sortBy(i, i.price).last().", "3"),
    ("event.skus.hasAny(['A1', 'C3'])", "Write sets.intersects(event.skus, ['A1', 'C3']).", "true"),
    ("event.prices.contains(4)", "Write 4 in event.prices.", "true"),
    # Numbers
    ("1,000", "Write a thousand without separators: 1000. For decimals, use a point, as in 50.5.", "1000"),
    ("event.amount > 1,000,000", "Write numbers without separators: 1000000.", "false"),
    ("max(event.amount, 1,000)", "This is read as two numbers. Write a thousand without separators: 1000.", "1000"),
    ("max(event.amount, 1,500)", "Write a thousand without separators: 1500; for two numbers, put a space behind the comma.", "1500"),
    ("1_000", "Write numbers without separators: 1000.", "1000"),
    ("1 000", "Write numbers without separators: 1000.", "1000"),
    ("1.000,50", "Write numbers without separators: 1000.50.", "1000.5"),
    ("event.amount > 50,5", "Use a decimal point, as in 50.5.", "false"),
    ("007", "Write numbers without zeros before them: 7.", "7"),
    ("event.amount // 10", "// begins a comment. To divide without a remainder, write int(event.amount / 10).", "1"),
    ("(event.amount // 10) * 5", "To divide without a remainder, write int(event.amount / 10).", "5"),
    ("event.amount div 10", "Write int(event.amount / 10).", "1"),
    ("event.amount mod 10", "Did you mean %?", "5"),
    ("mod(event.amount, 10) + 1", "Write (event.amount % 10).", "6"),
    ("event.x ** 2", "Multiply instead: (event.x * event.x).", "25"),
    ("event.x ^ 2", "Multiply instead: (event.x * event.x).", "25"),
    ("event.x ^ 3", "There is no power operator. Multiply instead.", ""),
    ("pow(event.x, 2)", "There is no power. Multiply instead, as in x * x.", ""),
    ("event.x \u00d7 2", "Write *.", "10"),
    ("event.amount ÷ 3", "Write /.", "5"),
    ("event.amount \u2013 3", "Write -.", "12"),
    ("event.x++", "A rule changes nothing; its actions do.", ""),
    ("event.amount > $10", "Write amounts without a currency: 10.", "true"),
    ("event.amount > 10€", "Write amounts without a currency: 10.", "true"),
    ("event.amount > 10 EUR", "Write amounts without a unit: 10.", "true"),
    ("abs(event.n)", "Write math.abs(event.n).", "3"),
    ("event.n.abs()", "Write math.abs(event.n).", "3"),
    ("Math.abs(event.n)", "Write math.abs(event.n).", "3"),
    ("floor(event.y)", "Write math.floor(event.y).", "2"),
    ("Math.floor(event.y)", "Write math.floor(event.y).", "2"),
    ("FLOOR(event.amount, 4)", "Write math.floor(event.amount / 4) * 4.", "12"),
    ("ceil(event.y)", "Write math.ceil(event.y).", "3"),
    ("CEILING(event.amount, 4)", "Write math.ceil(event.amount / 4) * 4.", "16"),
    ("INT(event.y)", "Did you mean int?", "2"),
    ("trunc(event.y)", "Write math.trunc(event.y).", "2"),
    ("ROUND(event.y, 0)", "Did you mean round?", "3"),
    ("Math.round(event.y)", "Did you mean round?", "3"),
    ("event.y.toFixed(0)", 'Write round(event.y, 0), or "%.2f".format([x]) for a text.', "3"),
    ("ROUNDUP(event.y, 0)", "to two decimals, math.ceil(x * 100) / 100.", ""),
    ("sqrt(event.amount + 1)", "Write math.sqrt(event.amount + 1).", "4"),
    ("math.max(event.x, 9)", "Did you mean max?", "9"),
    ("Math.min(event.x, 9)", "Did you mean min?", "5"),
    ("random()", "A rule gives the same whenever it runs, so nothing in it is random.", ""),
    # Conversions
    ("float(event.text)", "Write double(event.text).", "7.5"),
    ("Number(event.text)", "Write double(event.text).", "7.5"),
    ("parseFloat(event.text)", "Write double(event.text).", "7.5"),
    ("parseInt('12')", "Write int('12').", "12"),
    ("str(event.x)", "Write string(event.x).", '"5"'),
    ("event.x.toString()", "Write string(event.x).", '"5"'),
    ("'n' + 5", "To turn a number into text, write string(…).", '"n5"'),
    ("Boolean(event.x)", 'Compare it, as in x == true, x != 0 or x != "".', ""),
    # Texts
    ("event.sku.toLowerCase()", "Write event.sku.lowerAscii().", '"ab-1"'),
    ("LOWER(event.sku)", "Write event.sku.lowerAscii().", '"ab-1"'),
    ("event.sku.upper()", "Write event.sku.upperAscii().", '"AB-1"'),
    ("event.name.strip()", "Write event.name.trim().", '"Ana"'),
    ("TRIM(event.name)", "Write event.name.trim().", '"Ana"'),
    ("event.sku.startswith('AB')", "Did you mean startsWith?", "true"),
    ("event.sku starts with 'AB'", "Write event.sku.startsWith('AB').", "true"),
    ("startsWith(event.sku, 'AB')", "Write event.sku.startsWith('AB').", "true"),
    ("event.sku ends with '1'", "Write event.sku.endsWith('1').", "true"),
    ("event.sku matches 'AB.*'", "Write event.sku.matches('AB.*').", "true"),
    ("event.sku.match(/B-/)", 'Write a pattern as text: (r"B-").', "true"),
    ("event.sku =~ 'B-'", "Write .matches('B-').", "true"),
    ("event.sku like 'AB%'", 'Write event.sku.startsWith("AB").', "true"),
    ("event.sku LIKE '%-1'", 'Write event.sku.endsWith("-1").', "true"),
    ("event.sku LIKE '%B-%'", 'Write event.sku.contains("B-").', "true"),
    ("event.type LIKE 'purchase'", 'Without %, like is ==: event.type == "purchase". For a part of a text, write text.contains("…").', "true"),
    ("event.sku like 'A_-%1'", 'Write text.contains("…"), text.startsWith("…") or text.endsWith("…").', ""),
    ("event.sku contains 'AB'", "For a list, write 'AB' in event.sku; for a text, event.sku.contains('AB').", ""),
    ("'AB' in 'ABC'", "for a part of a text, 'ABC'.contains('AB').", ""),
    ("event.sku.replaceAll('-', '')", "Write event.sku.replace('-', '').", '"AB1"'),
    ("event.sku.find('-')", "Write event.sku.indexOf('-').", "2"),
    ("SEARCH('-', event.sku)", "It counts from 0, and is -1 where the part is not found.", ""),
    ("LEFT(event.sku, 2) == 'AB'", "for its first characters, event.sku.substring(0, 2).", ""),
    ("RIGHT(event.sku, 2)", "for its last characters, event.sku.substring(size(event.sku) - 2).", ""),
    ("MID(event.sku, 1, 2)", "Write text.substring(from, to). It counts from 0, and `to` is not part of it.", ""),
    ("event.sku[0:2]", "For a part of a text, write text.substring(0, 3); of a list, list.slice(0, 3).", ""),
    ("CONCAT(event.sku, '/', event.type)", "A number in it needs string(…).", '"AB-1/purchase"'),
    ("', '.join(event.skus)", "Write event.skus.join(', ').", '"A1, B2"'),
    ("f'{event.x}'", 'Join texts with +, as in "Order " + string(event.number).', ""),
    ("event.type == “purchase”", 'Use straight quotes: "…".', ""),
    # Times
    ("today()", "Write startOfDay(now), which is when the day of the event began; now is the time itself.", 'timestamp("2026-01-14T23:00:00Z")'),
    ("NOW()", "Write now, which is the event's time.", 'timestamp("2026-01-15T10:30:00Z")'),
    ("new Date()", "Write now, which is the event's time.", 'timestamp("2026-01-15T10:30:00Z")'),
    ("datetime.now()", "Write now, which is the event's time.", 'timestamp("2026-01-15T10:30:00Z")'),
    ("CURRENT_TIMESTAMP", "Write now, which is the event's time.", 'timestamp("2026-01-15T10:30:00Z")'),
    ("new Date(event.when) == now", "Write timestamp(event.when).", "true"),
    ("datetime(event.when) == now", "Write timestamp(event.when).", "true"),
    ("now > '2026-01-01T00:00:00Z'", "Write now > timestamp('2026-01-01T00:00:00Z').", "true"),
    ("now - 30", 'Subtract a duration, as in now - duration("30d"), or days, as in addDays(now, -30).', ""),
    ("date(now) == startOfDay(now)", "Write startOfDay(now).", "true"),
    ("now == '2026-01-15'", "Write now == date('2026-01-15').", "false"),
    ("'2026-01-15' < now", "Write date('2026-01-15') < now.", "true"),
    ("age('1990-03-01', now)", "Write age(date('1990-03-01'), now).", "35"),
    ("startOfMonth('2026-01-15') < now", "Write startOfMonth(date('2026-01-15')).", "true"),
    ("now.startOfDay() < now", "Write startOfDay(now).", "true"),
    ("now.addDays(1) > now", "Write addDays(now, 1).", "true"),
    ("start_of_week(now) < now", "Did you mean startOfWeek?", "true"),
    ("toDate('2026-01-15') < now", "Write date('2026-01-15').", "true"),
    ("EDATE(now, 1) > now", "Write addMonths(now, 1).", "true"),
    ("EOMONTH(now, 0) > now", "Write endOfMonth(addMonths(now, 0)).", "true"),
    ("DAYS(now, date('2026-01-01'))", "Write daysBetween(date('2026-01-01'), now).", "14"),
    ("DATEDIFF(now, event.when)", "Write daysBetween(from, to), or age(from, to) for whole years.", ""),
    ("date_trunc('month', now)", "startOfQuarter(t) or startOfYear(t).", ""),
    ("DATEADD(now, 5)", "Write addDays(t, 30), addMonths(t, 1) or addYears(t, 1).", ""),
    ("quarter(now)", "Write int(now.getMonth() / 3) + 1.", "1"),
    ("WEEKNUM(now) == 3", "as in startOfWeek(now) == startOfWeek(t).", ""),
    ("now + 3 months", "Write addMonths(now, 3).", 'timestamp("2026-04-15T09:30:00Z")'),
    ("now - 1 year", "Write addYears(now, -1).", 'timestamp("2025-01-15T10:30:00Z")'),
    ("now - 30 minutes", 'Write duration("30m").', 'timestamp("2026-01-15T10:00:00Z")'),
    ("now - 30 days", 'Write duration("30d").', 'timestamp("2025-12-16T10:30:00Z")'),
    ("now - 2w", 'Write duration("2w").', 'timestamp("2026-01-01T10:30:00Z")'),
    ("now - INTERVAL '30 days'", 'Write duration("30d").', 'timestamp("2025-12-16T10:30:00Z")'),
    ("now + 2h", 'Write duration("2h").', 'timestamp("2026-01-15T12:30:00Z")'),
    ("now.hour", 'Write now.getHours(), in UTC; with a time zone, getHours("Europe/Berlin").', "10"),
    ("hour(now)", 'Write now.getHours(), in UTC; with a time zone, getHours("Europe/Berlin").', "10"),
    ("now.getDay()", 'Write now.getDayOfWeek(), in UTC; with a time zone, getDayOfWeek("Europe/Berlin").', "4"),
    ("now.day", 'Write now.getDate(), in UTC; with a time zone, getDate("Europe/Berlin").', "15"),
    ("YEAR(now)", 'Write now.getFullYear(), in UTC; with a time zone, getFullYear("Europe/Berlin").', "2026"),
    ("MONTH(now) == 1", 'since it counts from 0, in UTC; with a time zone, getMonth("Europe/Berlin").', "true"),
    ("now.weekday() == 3", 'It counts from Sunday, which is 0, to Saturday, which is 6, in UTC unless a time zone is given, as in getDayOfWeek("Europe/Berlin").', ""),
]  # fmt: skip


def refusal(text: str) -> RuleSyntaxError:
    with pytest.raises(RuleSyntaxError) as error:
        vocabulary.compile(text)
    return error.value


def corrected(text: str) -> str:
    """The text with one correction after another, until it compiles."""
    for _ in range(4):
        try:
            vocabulary.compile(text)
        except RuleSyntaxError as error:
            suggested = [each.corrected for each in (error, *error.others) if each.corrected]
            if not suggested:
                break
            text = suggested[0]
        else:
            return text
    raise AssertionError(f"{text} is no rule.")


@pytest.mark.parametrize(("text", "hint", "means"), WRITTEN, ids=[each[0] for each in WRITTEN])
def test_what_people_bring_is_met_with_what_to_write_instead(
    text: str, hint: str, means: str | None
) -> None:
    error = refusal(text)

    assert error.message.endswith(hint)
    assert bool(error.corrected) is bool(means)
    if means:
        value = vocabulary.compile(corrected(text)).evaluate({**FACTS, "event": EVENT})
        assert written(value) == means


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("event.skus.contains('A1')", "A list has no contains(). Write 'A1' in event.skus"),
        ("event.skus.contains(event.type)", "A list has no contains(). Write event.type in event.skus"),
        ("event.skus.length > 1", 'event.skus: a list has no field "length". Write size(event.skus)'),
        ("event.items[0].qty.length > 1", 'event.items[0].qty.length: a number has no field "length"'),
        ("event.sku.length > 1", 'event.sku: text has no field "length". Write size(event.sku)'),
        ("event.skus.first == 'A1'", 'event.skus: a list has no field "first". Write event.skus.first()'),
        ("event.when.hour == 10", 'event.when: text has no field "hour". Write timestamp(event.when).getHours(), in UTC; with a time zone, getHours("Europe/Berlin")'),
        ("event.Type == 'purchase'", "event.Type is missing. Did you mean event.type?"),
        ("event['TYPE'] == 'purchase'", "event.TYPE is missing. Did you mean event.type?"),
        ("event.items[0].Price > 1", "event.items[0].Price is missing. Did you mean event.items[0].price?"),
        ("event.items.exists(i, i.un_it > 1)", "i.un_it is missing"),
        ("event.customer == 1", "event.customer is missing"),
    ],
)  # fmt: skip
def test_what_shows_only_in_the_event_is_met_in_the_reason(text: str, hint: str) -> None:
    decision = vocabulary.compile(text).decide({**FACTS, "event": EVENT})

    assert decision.reason.endswith(hint)


EXAMPLES = sorted({example for hint in hints.declared() for example in hint.examples})


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_a_hint_is_a_rule(example: str) -> None:
    vocabulary.compile(example)
