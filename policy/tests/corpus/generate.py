#!/usr/bin/env python3
"""Writes detectors.tsv: labelled values for the detectors.

Labels come from how a value is made here, by this script's own check digits, calendars and
checksums, and never from what a detector says. All secrets are made up: their random parts come
from a fixed seed, and most of them say FAKE.

A line is `detector <tab> hit|miss <tab> text`. In a hit, the value stands between the two marks
U+27E6 and U+27E7; in a miss nothing is to be found by any detector. `{+}` is to be taken out: it
keeps scanners of source code from taking a line for a leaked secret. `\\n`, `\\r`, `\\t` and `\\\\`
stand for themselves.

    python3 policy/tests/corpus/generate.py > policy/tests/corpus/detectors.tsv
    python3 policy/tests/corpus/generate.py numbers > policy/tests/corpus/numbers.tsv

The second is of numbers: `label <tab> number`, a hit where it is a payment card's.
"""

import base64
import json
import random
import string
import sys
import uuid
import zlib

R = random.Random(20261121)
ROWS = []
D = string.digits
B62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
B32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"

PLAIN = [
    "%s", "value %s here", '{"value": "%s"}', "a,%s,b", "[%s]", "(%s)", "<td>%s</td>", "%s\tok",
    "'%s'", "see %s; then go on", "the answer was %s.", "INFO field=%s status=ok", "é %s ü",
    "first line\nsecond %s\nthird", "%s, and so on", "|%s|", "x = %s", 'name="%s"', "%s?", "* %s *",
]


def pick(chars, count):
    return "".join(R.choice(chars) for _ in range(count))


def mark(value):
    return "⟦" + value + "⟧"


def hit(kind, value, context="%s"):
    ROWS.append((kind, "hit", context.replace("%s", mark(value))))


def miss(kind, value, context="%s"):
    ROWS.append((kind, "miss", context.replace("%s", value)))


def hits(kind, values, contexts=PLAIN):
    for index, value in enumerate(values):
        hit(kind, value, contexts[index % len(contexts)])


def misses(kind, values, contexts=PLAIN):
    for index, value in enumerate(values):
        miss(kind, value, contexts[index % len(contexts)])


def split(kind, texts):
    """Texts with the value already between marks."""
    for text in texts:
        assert text.count("⟦") == 1, text
        ROWS.append((kind, "hit", text))


# --- check digits

def luhn_sum(digits):
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total


def with_luhn(prefix, length):
    body = prefix + pick(D, length - len(prefix) - 1)
    for digit in D:
        if luhn_sum(body + digit) % 10 == 0:
            return body + digit


def ean13(prefix):
    body = prefix + pick(D, 12 - len(prefix))
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body))
    return body + str(-total % 10)


def group(value, sizes, sep):
    parts, at = [], 0
    for size in sizes:
        parts.append(value[at:at + size])
        at += size
    assert at == len(value), (value, sizes)
    return sep.join(parts)


def mod97(text):
    text = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in text)) % 97


def iban(country, length, letters=False):
    body = pick(D + (string.ascii_uppercase if letters else ""), length - 4)
    check = 98 - mod97(country + "00" + body)
    return f"{country}{check:02d}{body}"


def b62(number):
    text = ""
    for _ in range(6):
        text = B62[number % 62] + text
        number //= 62
    return text


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sha(length=40):
    return pick(HEX, length)


def guid():
    return str(uuid.UUID(int=R.getrandbits(128), version=4))


def rnd(count):
    """Random letters and digits, with enough of each to be one of the keys that are issued."""
    while True:
        text = "FAKE"[:count] + pick(B62, count - 4)
        if count < 20 or sum(c.isdigit() for c in text) >= 3 and sum(c.islower() for c in text) >= 4:
            return text


# --- payment cards

def cards():
    kind = "CreditCard"
    brands = [("4", 16), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15),
              ("37", 15), ("6011", 16), ("644", 16), ("65", 16), ("36", 14), ("305", 14), ("3528", 16),
              ("3589", 16), ("62", 16), ("62", 19), ("5018", 16), ("6759", 18), ("2202", 16), ("9792", 16)]
    values = []
    for prefix, length in brands:
        for style in range(3):
            value = with_luhn(prefix, length)
            sizes = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4), 19: (4, 4, 4, 4, 3),
                     18: (4, 4, 4, 4, 2)}[length]
            values.append([value, group(value, sizes, " "), group(value, sizes, "-")][style])
    values += ["4111111111111111", "5555 5555 5555 4444", "378282246310005", "6011-1111-1111-1117",
               "30569309025904", "3530111333300000", "4222222222222", "5105105105105100"]
    value = with_luhn("4", 16)
    values += [group(value, (4, 4, 4, 4), "\u00a0"), group(with_luhn("53", 16), (4, 4, 4, 4), "\u202f")]
    hits(kind, values)
    split(kind, [
        "card ⟦%s⟧ exp 12/27 cvv 123" % group(with_luhn("4", 16), (4, 4, 4, 4), " "),
        "⟦%s⟧ 12/27" % group(with_luhn("52", 16), (4, 4, 4, 4), " "),
        "%%B⟦%s⟧^DOE/JANE^2512101" % with_luhn("4", 16),
        ";⟦%s⟧=25121010000" % with_luhn("4", 16),
        "17,⟦%s⟧,42" % with_luhn("54", 16),
        "2024-05-01 ⟦%s⟧ 19.99" % with_luhn("37", 15),
        "pan=⟦%s⟧&exp=1227" % with_luhn("6011", 16),
    ])
    bad = []
    for prefix, length in brands:
        value = with_luhn(prefix, length)
        bad.append(value[:-1] + str((int(value[-1]) + R.randint(1, 9)) % 10))
    bad += [with_luhn("1", 16) for _ in range(6)] + [with_luhn("7", 16) for _ in range(4)]
    bad += [with_luhn("4", 15), with_luhn("4", 17), with_luhn("51", 15), with_luhn("34", 16), with_luhn("37", 14)]
    bad += [str(1700000000000 + R.randrange(10**10)) for _ in range(5)]
    bad += [str(1700000000000000 + R.randrange(10**13)) for _ in range(5)]
    bad += [str(1700000000000000000 + R.randrange(10**16)) for _ in range(5)]
    bad += [ean13(p) for p in ("400", "401", "450", "490", "978", "979", "500", "590", "871", "301")]
    bad += [with_luhn("35", 15), with_luhn("86", 15), with_luhn("8949", 19), with_luhn("8901", 20)]
    bad += ["0." + with_luhn("4", 16), with_luhn("4", 16) + ".5", with_luhn("4", 16) + "77", "9" + with_luhn("4", 16)]
    bad += ["X" + with_luhn("4", 16), with_luhn("55", 16) + "Z", "ORDER" + with_luhn("4", 16)]
    bad += [guid() for _ in range(6)] + [sha(32), sha(40), sha(64)]
    bad += [group(pick("1", 16), (4, 4, 4, 4), "-"), "0000 0000 0000 0000", "1234 5678 9012 3456"]
    bad += ["4111/1111/1111/1111", "4111 11-11 1111-1111", "%d" % (2**63 - 1), "-%d" % 2**62, "1Z999AA10123456784"]
    misses(kind, bad)


# --- social security numbers

def ssns():
    kind = "SocialSecurityNumber"

    def valid():
        area = R.choice([n for n in range(1, 900) if n != 666])
        return f"{area:03d}", f"{R.randint(1, 99):02d}", f"{R.randint(1, 9999):04d}"

    hits(kind, ["-".join(valid()) for _ in range(45)])
    hits(kind, ["%s %s %s" % valid() for _ in range(6)], ["%s", "number %s, yes", "ssn %s", "name %s end", '"%s"'])
    split(kind, ["SSN: ⟦%s%s%s⟧" % valid(), "ssn=⟦%s%s%s⟧;" % valid(), '"ssn": "⟦%s%s%s⟧"' % valid(),
                 "social security number ⟦%s%s%s⟧" % valid(), "Social Security No. ⟦%s%s%s⟧" % valid(),
                 "employee_ssn,⟦%s%s%s⟧" % valid(), "ssn ⟦%s.%s.%s⟧" % valid(), "SSN is ⟦%s%s%s⟧." % valid()])
    bad = []
    for area in ("000", "666", "900", "955", "987", "999", "666", "000"):
        bad.append(f"{area}-{R.randint(1, 99):02d}-{R.randint(1, 9999):04d}")
    bad += ["%s-00-%04d" % (valid()[0], R.randint(1, 9999)) for _ in range(6)]
    bad += ["%s-%s-0000" % valid()[:2] for _ in range(6)]
    bad += ["".join(valid()) for _ in range(10)]
    bad += ["%s-%s-%s" % (a, b, c) + s for (a, b, c), s in zip([valid() for _ in range(4)], ["1", "-22", "A", "_b"])]
    bad += [p + "%s-%s-%s" % v for v, p in zip([valid() for _ in range(4)], ["1", "A-", "9-", "B"])]
    bad += ["%s/%s/%s" % valid(), "%s-%s %s" % valid(), "%s %s-%s" % valid(), "%s.%s.%s" % valid()]
    bad += ["12345-6789", "94103-1234", "12-3456789", "98-7654321", "2024-05-01", "01-02-2024", "1-800-555", "123-4567"]
    bad += ["1200 45 6789", "123 45 678", "12 34 5678", "1234-56-789", "978-3-16-1484"]
    bad += [guid() for _ in range(3)] + ["555-1212", "3-2-1", "100-20-3"]
    misses(kind, bad)
    miss(kind, "part no 12 345 67 8901 22", "%s")


# --- e-mail addresses

def emails():
    kind = "Email"
    names = ["jane.doe", "j", "user+tag", "first_last", "o'brien", "info", "a.b.c", "no-reply", "x9", "42",
             "jane%40corp", "MAX.Mustermann", "jürgen", "søren.k", "d_e_f", "team-lead", "u.n.o", "ops+alerts.prod"]
    domains = ["example.com", "example.org", "mail.example.co.uk", "xn--bcher-kva.example", "sub.sub2.example.net",
               "example.museum", "müller.example", "a-b.example", "example.io", "127.example.dev", "EXAMPLE.COM", "e.travel"]
    values = ["%s@%s" % (names[i % len(names)], domains[(i * 5) % len(domains)]) for i in range(54)]
    hits(kind, values)
    split(kind, ["mailto:⟦a.person@example.com⟧", "Jane <⟦jane@example.com⟧>", "to=⟦jane@example.com⟧&cc=1",
                 "⟦jane@example.com⟧:password1", "write to ⟦jane@example.com⟧!", "**⟦jane@example.com⟧**",
                 "…⟦jane@example.com⟧…", "邮箱：⟦jane@example.com⟧。", "cc: ⟦jane@example.com⟧,bob",
                 "by ⟦jane@example.com⟧--thanks", "{\"email\":\"⟦jane@example.com⟧\"}", "mail ⟦jane@example.com⟧."])
    bad = ["@handle", "user@localhost", "a@b", "@types/node@20.1.0", "lodash@4.17.21", "left-pad@1.3.0", "icon@2x.png",
           "hero@3x.webp", "git@github.com:org/repo.git", "@user@mastodon.example", "HEAD@{1}", "root@web-01:~#",
           "5 apples @ 1.50", "@media screen", "@Override", "user@", "@example.com", "user@@example", "foo@bar", "a@.com",
           "ftp://deploy@files.example.org/x", "https://bot@git.example.org/r.git", "actions/checkout@v4", "x@1.2.3",
           "name@host_name", "meet @noon.", "rate@10.5", "user@-bad.example", "user@example.c", "user@example.123",
           "user.@example.com", "image: repo/app@sha256", "ssh deploy@bastion", "cron@03:00", "value@rev9", "price@market",
           "alpha @ beta.example", "alpha@ beta.example", "alpha @beta.example", "t@t", "logo@1x.svg", "1@2", "C@T", "l33t@h4x",
           "@angular/core", "@@ -1,7 +1,9 @@", "module@latest", "pkg@^1.0.0", "v@l", "~user@home", "a@b@c", "%40example", "@media.print",
           "w@w_w.example", "user@example..com"]
    misses(kind, bad)
    misses(kind, [guid() for _ in range(3)] + ["tag@" + sha(12), "img@sha256:" + sha(64)])


# --- phones

def phones():
    kind = "Phone"

    def nanp():
        return ("%d%d%d" % (R.randint(2, 9), R.choice([0, 2, 3, 4, 5, 6, 7, 8]), R.randint(0, 9)),
                "%d%d%d" % (R.randint(2, 9), R.choice([0, 2, 3, 4, 5, 6, 7, 8, 9]), R.randint(0, 9)), pick(D, 4))

    values = []
    for form in ("%s-%s-%s", "(%s) %s-%s", "%s.%s.%s", "+1 %s %s %s", "+1%s%s%s", "1-%s-%s-%s", "+1 (%s) %s-%s",
                 "+1-%s-%s-%s", "%s %s %s", "1 (%s) %s-%s", "(%s)%s-%s", "+1.%s.%s.%s"):
        values += [form % nanp() for _ in range(2)]
    values += ["+44 20 7946 0" + pick(D, 3), "+44 (0)20 7946 0" + pick(D, 3), "+447700900" + pick(D, 3), "020 7946 0" + pick(D, 3),
               "07700 900" + pick(D, 3), "07700 900 " + pick(D, 3), "(020) 7946 0" + pick(D, 3), "0161 496 0" + pick(D, 3),
               "01632 960" + pick(D, 3), "+49 30 12345" + pick(D, 3), "+49 151 2345" + pick(D, 4), "030 12345" + pick(D, 3),
               "0151 2345" + pick(D, 4), "0171/123" + pick(D, 4), "+33 1 23 45 67 " + pick(D, 2), "01 23 45 67 " + pick(D, 2),
               "06.12.34.56." + pick(D, 2), "+33612345" + pick(D, 3), "+39 06 1234 " + pick(D, 4), "+34 612 345 " + pick(D, 3),
               "+31 20 123 " + pick(D, 4), "+41 44 668 18 " + pick(D, 2), "+43 1 5124" + pick(D, 3), "+46 8 123 456 " + pick(D, 2),
               "+47 22 12 34 " + pick(D, 2), "+45 33 12 34 " + pick(D, 2), "+358 9 123 4" + pick(D, 3), "+48 22 123 45 " + pick(D, 2),
               "+353 1 234 5" + pick(D, 3), "+61 2 9876 5" + pick(D, 3), "(02) 9876 5" + pick(D, 3), "0412 345 " + pick(D, 3),
               "+81 3-1234-5" + pick(D, 3), "03-1234-5" + pick(D, 3), "090-1234-5" + pick(D, 3), "+91 98765 43" + pick(D, 3),
               "+86 138 1234 5" + pick(D, 3), "+55 11 91234-5" + pick(D, 3), "(11) 91234-5" + pick(D, 3), "+52 55 1234 5" + pick(D, 3),
               "+7 495 123-45-" + pick(D, 2), "+971 4 123 4" + pick(D, 3), "+27 21 123 4" + pick(D, 3), "+65 6123 4" + pick(D, 3),
               "+972 2-123-4" + pick(D, 3), "+380 44 123 4" + pick(D, 3), "+90 212 123 45 " + pick(D, 2), "(+49) 30 1234" + pick(D, 4)]
    hits(kind, values)
    split(kind, ["phone: ⟦%s%s%s⟧" % nanp(), "tel ⟦02079460%s⟧" % pick(D, 3), '"phone_number": "⟦%s%s%s⟧"' % nanp(),
                 "mobile=⟦07700900%s⟧" % pick(D, 3), "call me at ⟦%s%s%s⟧ please" % nanp(), "fax no. ⟦0301234%s⟧" % pick(D, 4),
                 "whatsapp ⟦98765 43%s⟧" % pick(D, 3), "cell: ⟦612 345 %s⟧" % pick(D, 3), "Tel.: ⟦030-1234-%s⟧" % pick(D, 4),
                 "contact number ⟦9123 4%s⟧" % pick(D, 3), "phoneNumber: ⟦1%s%s%s⟧" % nanp(), "msisdn=⟦447700900%s⟧" % pick(D, 3),
                 "dial ⟦138 1234 5%s⟧" % pick(D, 3), "home phone ⟦%s%s%s⟧" % nanp()])
    hits(kind, ["0044 20 7946 0" + pick(D, 3), "0049-30-1234" + pick(D, 4), "001-%s-%s-%s" % nanp(), "0033 1 23 45 67 " + pick(D, 2)])
    bad = ["0012 34", "00 11 22 33 44", "0099-123-4567", "0004 1234 5678", "001 002 003 004"]
    bad += [str(1600000000 + R.randrange(10**8)) for _ in range(6)] + [str(1600000000000 + R.randrange(10**11)) for _ in range(4)]
    bad += ["%s%s%s" % nanp() for _ in range(6)]
    bad += ["111-222-3333", "055-123-4567", "911-555-1234", "555-911-1234", "155-234-5678", "555-123-456", "555-12-34567",
            "5555-123-4567", "555-123-45678", "555-1234", "2024-05-01", "05/11/2024", "01-02-2024", "05/11/2024 12:30",
            "2019-2023", "978-3-16-148410-0", "0-306-40615-2", "+100%", "+1.5", "+48.8566140", "+40.7128, -74.0060", "+0530",
            "+05:30", "+1", "+12", "+123456", "+999 12345678", "+1 123 456 7890", "3.141592653", "0.123 456 789", "1,234,567,890",
            "$555-123-4567", "#555-123-4567", "AB555-123-4567", "555-123-4567X", "12-555-123-4567", "555-123-4567-89",
            "0012-345-678", "00123 456789", "94103-1234", "10.20.300.40", "1.2.3.4.5", "0.1.2", "12:34:56", "1/2/3", "100 200 300",
            "5 10 15 20 25 30", "007", "0x1F4A2B3C", "1e10", "ISBN 0306406152", "order 4815162342", "id 0049301234567",
            "sku 0123456789", "2,147,483,647", "-2147483648", "192 168 100", "300x250x600", "A4 210 297", "1000000000", "9999999999"]
    bad += [guid() for _ in range(4)] + [sha(20)]
    misses(kind, bad)


# --- account numbers

LENGTHS = dict(AD=24, AE=23, AL=28, AT=20, AZ=28, BA=20, BE=16, BG=22, BH=22, BR=29, CH=21, CR=22, CY=28, CZ=24, DE=22, DK=18,
               DO=28, EE=20, ES=24, FI=18, FO=18, FR=27, GB=22, GE=22, GI=23, GL=18, GR=27, HR=21, HU=28, IE=22, IL=23, IS=26,
               IT=27, JO=30, KW=30, KZ=20, LB=28, LI=21, LT=20, LU=20, LV=21, MC=27, MD=24, ME=22, MK=19, MR=27, MT=31, MU=30,
               NL=18, NO=15, PK=24, PL=28, PS=29, PT=25, QA=29, RO=24, RS=22, SA=24, SE=24, SI=19, SK=24, SM=27, TN=24, TR=26,
               UA=29, VA=22, VG=24, XK=20, SC=31, LC=32, BY=28)


def fours(text):
    return " ".join(text[i:i + 4] for i in range(0, len(text), 4))


def ibans():
    kind = "Iban"
    values = []
    for index, (country, length) in enumerate(sorted(LENGTHS.items())):
        value = iban(country, length, letters=country in ("GB", "FR", "MT", "NL", "IE", "BG", "SC", "LC", "QA"))
        values.append([value, fours(value), value.lower() if index % 6 == 2 else value][index % 3])
    values += ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR1420041010050500013M02606",
               fours(iban("DE", 22)).replace(" ", "\u00a0"), fours(iban("NL", 18)).replace(" ", "-")]
    hits(kind, values)
    bad = []
    for country in ("DE", "GB", "FR", "NL", "ES", "IT", "CH", "PL", "NO", "BE", "AT", "SE"):
        value = iban(country, LENGTHS[country])
        wrong = "%02d" % ((int(value[2:4]) + R.randint(1, 60)) % 97 + 2)
        if wrong == value[2:4]:
            wrong = "%02d" % (int(wrong) % 96 + 3)
        value = value[:2] + wrong + value[4:]
        assert mod97(value) != 1
        bad.append([value, fours(value)][len(bad) % 2])
    bad += [iban("DE", 21), iban("DE", 23), iban("GB", 20), iban("FR", 26), iban("NL", 19), iban("ES", 25), iban("NO", 16)]
    bad += [iban("ZZ", 22), iban("US", 22), iban("JP", 24), iban("XX", 20), iban("QQ", 18), iban("CA", 22)]
    bad += ["DE123456789", "GB999999973", "FR40303265045", "ATU12345678", "NL004495445B01", "IT00743110157"]
    bad += ["X" + iban("DE", 22), iban("DE", 22) + "9", iban("DE", 22) + "A", "0" + iban("GB", 22), iban("BE", 16) + "_1"]
    bad += [sha(32), sha(40), "de" + sha(38), "be" + pick(D, 2) + sha(28), guid(), "AB12 CD34 EF56", "SE-12345", "ES2024", "LT23"]
    bad += ["DE89 3704 0044 0532 0130", "DE89 37040044 0532 0130 00", "DE89  3704 0044 0532 0130 00", "DE8937 0400 4405 3201 3000",
            "ISO 9001", "MT940 file", "RFC 2616", "CH00 0000 0000 0000 0000 0", "PO123456789012345678", "INV2024000000000000001", "FI99"]
    bad += ["SKU-DE-2024-0001-0002", "LU00000000000000000000", "GE01AB", pick(string.ascii_uppercase, 22), "NL12", "PT-2024-12345678"]
    misses(kind, bad)


# --- addresses

def addresses():
    kind = "IpAddress"
    values = ["%d.%d.%d.%d" % (R.randint(1, 223), R.randint(0, 255), R.randint(0, 255), R.randint(1, 254)) for _ in range(28)]
    values += ["10.0.0.1", "192.168.1.254", "172.16.0.9", "8.8.8.8", "1.1.1.1", "255.255.255.0", "203.0.113.7", "198.51.100.23"]
    values += ["2001:db8::1", "fe80::1ff:fe23:4567:890a", "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "::1", "::ffff:192.0.2.128",
               "2a00:1450:4001:81b::200e", "2001:db8:0:1::5", "fd12:3456:789a:1::1", "2606:4700:4700::1111", "FE80::ABCD:1234"]
    for _ in range(8):
        values.append("2001:db8:" + ":".join("%x" % R.randint(0x1000, 0xffff) for _ in range(6)))
    hits(kind, values)
    split(kind, ["from ⟦203.0.113.9⟧:443", "⟦10.1.2.3⟧/24", "http://⟦192.0.2.1⟧/x", "http://[⟦2001:db8::7⟧]:8080/", "⟦10.0.0.1⟧-10",
                 "host/⟦10.1.2.3⟧:8080", "ip=⟦198.51.100.4⟧;", "⟦192.0.2.44⟧ - - [01/May/2024]", "client ⟦203.0.113.77⟧, server",
                 "user@⟦192.0.2.9⟧", "ping ⟦8.8.4.4⟧.", "addr:⟦10.9.8.7⟧", "X-Forwarded-For: ⟦203.0.113.5⟧"])
    bad = ["v1.2.3.4", "version 1.2.3.4", "Version: 10.0.1.2", '"version": "1.2.3.4"', "release 4.3.2.1", "build 1.0.0.17", "firmware 2.1.0.9",
           "1.2.3.4-beta", "1.2.3.4-SNAPSHOT", "1.2.3.4+git", "Chrome/99.0.48.44", "lib-1.2.3.4.jar", "pkg==1.2.3.4", "pkg>=1.2.3.4",
           "^1.2.3.4", "~1.2.3.4", "256.1.1.1", "1.2.3.256", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.02.3.4", "1.3.6.1.4.1.311", "999.999.999.999",
           "section 1.2.3.4", "§ 1.2.3.4", "§1.2.3.4", "chapter 3.1.4.1", "10.0.19041.1", "2024.05.01.3", "1.2.3.4a", "a1.2.3.4", "1.2.3.x",
           "upgraded to 5.6.7.8", "file_1.2.3.4", "1.2.3.4_final", "12:34:56", "2024-05-01T12:34:56", "12:34:56.789", "00:00", "1:2:3", "dead::beef",
           "std::vector", "Foo::Bar", "a::b", "[1::2]", "[::2]", "x[::]", "fade::cafe", "12:34:56:78:90", "aa:bb:cc:dd:ee:ff:00:11:22", ":::", "::",
           "1200::ab::12", "2001:db8:::1", "12345::1", "g001::1", "1:2:3:4:5:6:7", "rule 4.4.4.4", "1,2,3,4", "1. 2. 3. 4.", "3.14", "ratio 16:9",
           "C::D", "key::value", "10:30:00:00", "1.2.3.4.example.com", "ver 8.0.0.1", "0.0.0", "sdk 7.1.2.3", "driver 31.0.15.99", "app_version=3.2.1.0"]
    misses(kind, bad, ["%s", "it says %s there", "(%s)", '"%s"', "%s, ok"])


def macs():
    kind = "MacAddress"

    def pairs(sep, upper=False):
        while True:
            value = sep.join("%02x" % R.randint(0, 255) for _ in range(6))
            if any(c in "abcdef" for c in value):
                return value.upper() if upper else value

    values = [pairs(":") for _ in range(18)] + [pairs(":", True) for _ in range(10)] + [pairs("-", True) for _ in range(10)]
    values += [pairs("-") for _ in range(6)] + ["00:11:22:33:44:55", "00-11-22-33-44-55", "01:23:45:67:89:ab", "02:42:ac:11:00:02"]
    for _ in range(8):
        values.append(".".join("%04x" % R.randint(0xa000, 0xffff) for _ in range(3)))
    hits(kind, values)
    bad = [":".join("%02x" % R.randint(0, 255) for _ in range(n)) for n in (2, 3, 4, 5, 7, 8, 16, 20)]
    bad += ["-".join("%02X" % R.randint(160, 255) for _ in range(n)) for n in (3, 4, 5, 7, 8)]
    bad += ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "FF-FF-FF-FF-FF-FF", "0000.0000.0000", "24-05-01-12-30-45", "20-11-30-23-59-59",
            "12:34:56", "12:34:56:78", "2024-05-01-12-30", "01:02:03", "a0:b1:c2:d3:e4:g5", "a0:b1:c2-d3:e4:f5", "a0b:1c2:d3e:4f5", "a0:b1:c2:d3:e4:f",
            "a0:b1:c2:d3:e4:f5a", "xa0:b1:c2:d3:e4:f5", "a0b1.c2d3", "a0b1.c2d3.e4f", "a0b1.c2d3.e4f5.a6b7", "1234.5678", "3.1415.9265", "abcd.efgh.ijkl",
            "de-ad-be-ef", "aa-bb-cc-dd-ee-ff-00", "a0_b1_c2_d3_e4_f5", "a0 b1 c2 d3 e4 f5", "a0b1c2d3e4f5", "00:11:22:33:44", "1-2-3-4-5-6",
            "10-20-30", "11-22-33-44-55", "x-a0-b1-c2-d3-e4-f5-y"]
    bad += [guid() for _ in range(8)] + [sha(12), sha(40)]
    misses(kind, bad)


# --- tokens

def jwt_of(header, payload, signature=32):
    raw = [json.dumps(header, separators=(",", ":")).encode(), json.dumps(payload, separators=(",", ":")).encode(),
           bytes(R.getrandbits(8) for _ in range(signature))]
    return "{+}".join([b64url(raw[0])[:2], b64url(raw[0])[2:]]) + "." + b64url(raw[1]) + "." + b64url(raw[2])


def jwts():
    kind = "Jwt"
    values = []
    for index in range(48):
        header = {"alg": R.choice(["HS256", "RS256", "ES256", "EdDSA", "PS512", "none"]), "typ": "JWT"}
        if index % 3 == 0:
            header = {"typ": "JWT", "alg": "RS256", "kid": "fake-key-%d" % index}
        if index % 8 == 5:
            header["x5t"] = rnd(27)
        payload = {"sub": "fake-%04d" % R.randrange(10**4), "iss": "https://issuer.example", "exp": 1700000000 + index, "role": R.choice(["dev", "ops"])}
        values.append(jwt_of(header, payload, R.choice([32, 64, 256 if index % 9 == 0 else 32])))
    hits(kind, values)
    jwe = jwt_of({"alg": "RSA-OAEP", "enc": "A256GCM"}, {"fake": 1}) + "." + rnd(40) + "." + rnd(22)
    unsigned = jwt_of({"alg": "none"}, {"sub": "fake"}, 0)
    split(kind, ["token is ⟦%s⟧." % jwt_of({"alg": "HS256"}, {"a": 1}), "Authorization: Bearer ⟦%s⟧" % jwt_of({"alg": "HS256"}, {"a": 2}),
                 "⟦%s⟧" % jwe, "cookie: s=⟦%s⟧; path=/" % jwt_of({"alg": "HS384"}, {"a": 3}), "?t=⟦%s⟧&x=1" % jwt_of({"alg": "HS512"}, {"a": 4}),
                 "⟦%s⟧ end" % unsigned, "spaced ⟦%s⟧" % (b64url(b'{ "alg": "HS256" }')[:3] + "{+}" + b64url(b'{ "alg": "HS256" }')[3:] + "." + b64url(b'{"a":5}') + "." + rnd(43))])
    bad = []
    for index in range(12):
        bad.append(b64url(json.dumps({"id": index * 7919, "cursor": True}, separators=(",", ":")).encode()))
    bad += [b64url(b'{"page":%d}' % n) + "==" for n in range(6)]
    bad += [b64url(b'{"typ":"JWT"}') + "." + b64url(b'{"a":1}') + "." + pick(string.ascii_lowercase, 20) for _ in range(5)]
    bad += [b64url(b'{"alg":256}') + "." + b64url(b'{"a":1}') + "." + pick(string.ascii_lowercase, 20)]
    bad += [b64url(b'{"alg":"HS256"}'), b64url(b'{"alg":"HS256"') + "." + b64url(b'{"a":1}') + "." + pick(string.ascii_lowercase, 9)]
    bad += ["eyJ", "eyJhbGci", "eyJ.eyJ.eyJ", "keyJar.name.value", "monkeyJungle.a.b", "heyJude.and.more", "eyJx.yz.ab", "the.quick.brown",
            "com.example.app", "a.b.c", "www.example.com", "1.2.3", "eyA", "ewo", "ew0KIC.x.y", "brewomatic.one.two"]
    bad += ["x" + jwt_of({"alg": "HS256"}, {"a": 6}).replace(".", ","), b64url(bytes(R.getrandbits(8) for _ in range(40)))]
    bad += [b64url(b'{"alg":"HS256"}') + ":" + b64url(b'{"a":1}'), b64url(b'["alg","HS256"]') + "." + b64url(b'{"a":1}') + ".x"]
    bad += [b64url(b'{"a":"' + pick(D, 20).encode() + b'"}') for _ in range(8)]
    misses(kind, bad)


def aws():
    kind = "AwsKey"
    hits(kind, [R.choice(["AKIA", "ASIA"]) + "{+}FAKE" + pick(B32, 12) for _ in range(30)])
    names = ["aws_secret_access_key=%s", 'AWS_SECRET_ACCESS_KEY="%s"', '"SecretAccessKey": "%s"', "secretAccessKey: %s", "secret access key %s",
             "aws_secret_access_key = %s", "export AWS_SECRET_ACCESS_KEY=%s;", "secret-access-key: '%s'"]
    for index in range(20):
        value = rnd(20) + "/" + rnd(19)
        hit(kind, value[:10] + "{+}" + value[10:], names[index % len(names)])
    split(kind, ["aws_access_key_id = ⟦AKIA{+}FAKE%s⟧" % pick(B32, 12), "⟦IQoJb3{+}JpZ2lu%s⟧" % rnd(300), "session ⟦FwoG{+}ZXIvYXdz%s⟧ end" % rnd(240)])
    bad = [R.choice(["AIDA", "AROA", "AGPA", "ANPA"]) + "FAKE" + pick(B32, 12) for _ in range(10)]
    bad += ["AKIA" + pick(B32, n) for n in (4, 8, 12, 15, 17, 20)] + ["AKIA" + pick(B32, 15) + c for c in "0189a"]
    bad += ["akia" + pick(B32, 16).lower(), "XAKIA" + pick(B32, 16), "AKIA" + pick(B32, 16) + "x", "akiatastic", "ASIAN", "EURASIA", "AKIA", "accatone", "fantASIA2024"]
    bad += [sha(40) for _ in range(6)] + ["commit " + sha(40), "sha1:" + sha(40)]
    bad += [rnd(20) + "/" + rnd(19) for _ in range(6)]
    bad += ["aws_secret_access_key=${SECRET}", "aws_secret_access_key=<your key>", "AWS_SECRET_ACCESS_KEY=", "secretAccessKey: null",
            "aws_secret_access_key=****************************************", "secret access key rotation is due", "arn:aws:iam::123456789012:user/fake",
            "IQoJb3JpZ2lu", "aws secret manager", "secret_key=short", "secretKeyRef: name"]
    misses(kind, bad, ["%s", "value %s", "(%s)", "%s, ok"])


def gcp():
    kind = "GcpKey"
    values = ["AIza{+}Sy" + rnd(33) for _ in range(26)] + ["GOCSPX-{+}" + rnd(28) for _ in range(10)]
    values += ["ya29{+}.a0" + rnd(R.randint(60, 180)) for _ in range(10)]
    values += ["GOOG{+}1E" + pick(string.ascii_uppercase + D, 55) for _ in range(5)]
    hits(kind, values)
    split(kind, ["https://maps.example/?key=⟦AIza{+}Sy%s⟧&v=3" % rnd(33), "x ⟦ya29{+}.%s⟧." % rnd(70)])
    bad = ["AIza" + rnd(n) for n in (4, 10, 20, 34, 36, 40)] + ["aiza" + rnd(35), "XAIza" + rnd(35), "AIza", "AIzaSy", "Aizawa", "Saizar"]
    bad += ["GOCSPX-" + rnd(n) for n in (5, 12, 27, 29, 40)] + ["gocspx-" + rnd(28), "GOCSPX_" + rnd(28), "GOCSPX-"]
    bad += ["ya29.", "ya29.abc", "xya29." + rnd(40), "ya29", "YA29." + rnd(40), "ya29." + rnd(15)]
    bad += ["GOOG", "GOOGLE", "NASDAQ:GOOG", "goog-" + sha(8), "google.com", "GOOGLE_APPLICATION_CREDENTIALS", "GOOG1E" + pick(B32, 20), "GOOG 1E"]
    bad += [sha(39), rnd(39), guid(), guid(), "projects/fake-123/secrets/x", "fake@fake-project", "gs://fake-bucket/key", "AIza" + "x" * 35, "AIza-your-key-here"]
    bad += [rnd(28) for _ in range(6)] + [rnd(35) for _ in range(5)]
    misses(kind, bad, ["%s", "value %s", "(%s)", "%s, ok"])


def github():
    kind = "GithubToken"

    def classic(prefix):
        body = rnd(30)
        return prefix[:2] + "{+}" + prefix[2:] + body + b62(zlib.crc32(body.encode()))

    hits(kind, [classic(R.choice(["ghp_", "gho_", "ghu_", "ghs_", "ghr_"])) for _ in range(36)])
    hits(kind, ["github{+}_pat_" + rnd(22) + "_" + rnd(59) for _ in range(14)])
    split(kind, ["GITHUB_TOKEN=⟦%s⟧" % classic("ghp_"), "token: ⟦%s⟧" % classic("gho_"),
                 '{"auth": "⟦%s⟧"}' % classic("ghs_"), "git ⟦%s⟧, then" % classic("ghu_")])
    bad = []
    for _ in range(20):
        body = rnd(30)
        bad.append(R.choice(["ghp_", "gho_", "ghs_"]) + body + b62((zlib.crc32(body.encode()) + 1 + R.randrange(10**6)) % 2**32))
    bad += [classic("ghp_").replace("{+}", "")[:-1], "x" + classic("ghp_").replace("{+}", ""), classic("ghp_").replace("{+}", "") + "Z",
            classic("ghp_").replace("{+}", "").upper(), "ghp_" + "x" * 36, "ghp_", "ghp_token", "ghx_" + rnd(36), "ghp-" + rnd(36), "gho_st_in_the_shell"]
    bad += ["github_pat_" + rnd(n) for n in (10, 22, 82)] + ["github_pat_" + rnd(22) + "_" + rnd(58), "github_pat_" + rnd(23) + "_" + rnd(59), "github_pat_"]
    bad += [sha(40) for _ in range(8)] + [rnd(40) for _ in range(4)] + ["ghs_repo_name", "through_the_door", "laughs_at", "https://github.com/o/r", "gh_cli", "GHP_2024"]
    misses(kind, bad, ["%s", "value %s", "(%s)", "%s, ok"])


def slack():
    kind = "SlackToken"
    values = []
    for index in range(40):
        prefix = R.choice(["xoxb-", "xoxp-", "xoxs-", "xoxr-", "xoxa-2-"])
        body = "%s-%s-%s" % (pick("123456789", 11), pick("123456789", 12), rnd(24))
        values.append(prefix[:2] + "{+}" + prefix[2:] + body)
    values += ["xa{+}pp-1-A" + pick(B32, 10) + "-" + pick("123456789", 12) + "-" + pick(HEX, 64) for _ in range(8)]
    values += ["xoxe{+}.xoxp-1-" + rnd(120) for _ in range(4)]
    hits(kind, values)
    split(kind, ["https://⟦hooks{+}.slack.com/services/T0FAKE%s/B0FAKE%s/%s⟧" % (pick(B32, 5), pick(B32, 5), rnd(24)) for _ in range(6)])
    bad = ["xoxb-your-token-here", "xoxb-xxxxxxxxxxxx-xxxxxxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx", "xoxb-", "xoxb-123", "xoxp-1-2-3", "xoxb-123456789012-short",
           "XOXB-123456789012-" + rnd(24), "axoxb-123456789012-" + rnd(24), "xoxz-123456789012-" + rnd(24), "xoxb_123456789012_" + rnd(24),
           "xoxb-abc-" + rnd(24), "xapp-token", "xapp-1-A0-2-3", "xoxo hugs", "xoxo-gossip-girl-2024", "foxo-1-" + rnd(24), "hooks.slack.com/services/",
           "hooks.slack.com/services/T000/B000/XXXX", "hooks.slack.com/services/TEAM/CHANNEL/SECRET", "https://app.slack.com/client/T0FAKE123/C0FAKE456",
           "xoxb-111111111111-222222222222-" + "a" * 24, "xoxb-" + "1" * 40, "slack.com/archives/C012345", "U012AB3CD", "C024BE91L", "xoxe-1", "xoxp-"]
    bad += ["xoxb-%s-%s" % (pick(D, 12), pick(string.ascii_lowercase, 24)) for _ in range(6)]
    bad += ["T%s/B%s/%s" % (pick(B32, 8), pick(B32, 8), rnd(24)) for _ in range(6)]
    bad += [rnd(24) for _ in range(6)] + [guid() for _ in range(5)] + [sha(64), sha(64)]
    misses(kind, bad, ["%s", "value %s", "(%s)", "%s, ok"])


def api_keys():
    kind = "ApiKey"
    names = ["api_key=%s", 'API_KEY="%s"', '"apiKey": "%s"', "x-api-key: %s", "client_secret=%s&x=1", "token: %s", "Authorization: Bearer %s",
             "access_key = '%s'", "SECRET=%s", "the api key is %s.", 'auth_token="%s"', "password: %s", "encryption-key: %s", "signing_key=%s;",
             "stripe_secret_key: %s", "accessToken=%s", "secretKey => '%s'", '\\"apikey\\": \\"%s\\"', "credentials: %s", "webhook_secret=%s"]
    values = [rnd(R.choice([20, 24, 32, 32, 40, 48, 64])) for _ in range(34)]

    def key_hex(count):
        while True:
            text = pick(HEX, count)
            turns = sum(a.isdigit() != b.isdigit() for a, b in zip(text, text[1:]))
            if turns * 3 > count:
                return text

    values += [key_hex(n) for n in (32, 32, 40, 40, 48, 64, 64, 32)]
    values += ["sk_{+}live_" + rnd(24) for _ in range(4)] + ["SG.{+}" + rnd(22) + "." + rnd(43) for _ in range(3)] + ["key-" + key_hex(32) for _ in range(2)]
    values += [rnd(21) + "+" + rnd(20) + "==" for _ in range(2)]
    hits(kind, values, names)
    split(kind, ["secret: ⟦%s⟧" % guid(), "api_key=⟦%s⟧" % guid(), "Authorization: Basic ⟦%s⟧" % base64.b64encode(b"fake-user:fake-Passw0rd-42").decode()])
    hits(kind, ["sk_{+}live_" + rnd(24), "gl{+}pat-" + rnd(20), "n{+}pm_" + rnd(36), "sk-{+}ant-api03-" + rnd(48), "SG{+}." + rnd(22) + "." + rnd(43), "h{+}f_" + rnd(34)])
    misses(kind, ["sk_live_key", "npm_config_registry", "npm_lifecycle_event_name_of_script", "glpat-xxxxxxxxxxxxxxxxxxxx", "SG.1", "hf_hub_download_model_name", "sk_test_mode_is_enabled_for_all",
                  "xsk_live_" + rnd(24), "MSG." + rnd(30)])
    bad = ["token_id: " + guid(), "token: " + guid(), "bearer " + guid(), "session_token=" + guid(), "commit " + sha(40), "sha256:" + sha(64), "etag: " + sha(32),
           "trace_id=" + sha(32), "span " + sha(16), "key_id: " + rnd(24), "secret_name: my-app-secret-v2-prod", "secretName: tls-cert-production-2024",
           "token_type: bearer", "token_count: 12345678901234567890", "tokens used: 1700000000000000", "password: correct horse battery staple",
           "password reset for jane", "secret: see the vault", "the secret of good bread", "api key required", "api_key=${API_KEY}", "api_key=<insert here>",
           "api_key=your_api_key_here", "api_key=xxxxxxxxxxxxxxxxxxxxxxxx", "api_key=********************", "token: null", "token=undefined", "secret=",
           "SECRET_PATH=/var/run/secrets/app/token/current", "secret_arn: arn", "access_key_id: see docs", "token: authentication_service_handler",
           "password_hash_algorithm: argon2id-v19-m65536", "token.length must be positive", "credentials: include", "secret: aaaaaaaaaaaaaaaaaaaaaaaa",
           "token=0000000000000000000000000000", "secret=1234567890123456789012", "api_key=abcdefghijklmnopqrstuvwxyz", "next_token=2", "apikey: TODO",
           "private_key_path=/etc/ssl/private/server.key", "token_url=https://issuer.example/oauth2/token", "secret=config/production/database-main",
           "password=changeme", "password=hunter2", "csrf token missing", "tokenizer: wordpiece-base-uncased", "secretary: Jane", "secretly moved", "authorization: required",
           "token expired at 2024-05-01T12:34:56Z", "bearer of bad news arrives today", "accesskeys are listed below", "api_keys: []", "token: ServiceAccountTokenVolume"]
    bad += [rnd(32) for _ in range(5)] + [sha(64), base64.b64encode(bytes(R.getrandbits(8) for _ in range(60))).decode()]
    misses(kind, bad, ["%s", "note %s", "(%s)", "%s and so on"])


def pems():
    kind = "PrivateKey"

    def body(lines, end):
        return end.join(pick(B62 + "+/", 64) for _ in range(lines)) + end + "FAKE" + pick(B62, 20) + "=="

    values = []
    labels = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "DSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
    for index in range(50):
        label = labels[index % len(labels)]
        end = ["\n", "\\n", "\r\n", " "][index % 4]
        lines = R.choice([1, 2, 3, 25, 30 if index % 10 == 0 else 4])
        head = {1: "Proc-Type: 4,ENCRYPTED%sDEK-Info: AES-256-CBC,%s%s%s" % (end, sha(32).upper(), end, end)}.get(index % 11, "")
        values.append("-----BEG{+}IN %s-----%s%s%s%s-----END %s-----" % (label, end, head, body(lines, end), end, label))
    hits(kind, values)
    split(kind, ["cut off: ⟦-----BEG{+}IN RSA PRIVATE KEY-----\n%s⟧" % body(3, "\n"), "⟦-----BEG{+}IN EC PRIVATE KEY-----\\n%s⟧\"" % body(2, "\\n")])
    bad = []
    for label in ("PUBLIC KEY", "CERTIFICATE", "CERTIFICATE REQUEST", "RSA PUBLIC KEY", "PGP MESSAGE", "PGP SIGNATURE", "PGP PUBLIC KEY BLOCK", "X509 CRL", "EC PARAMETERS"):
        for _ in range(3):
            bad.append("-----BEGIN %s-----\n%s\n-----END %s-----" % (label, body(2, "\n"), label))
    bad += ["starts with -----BEGIN PRIVATE KEY-----", "look for -----BEGIN RSA PRIVATE KEY----- in files", "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n<your key>\n-----END PRIVATE KEY-----", "BEGIN PRIVATE KEY", "----BEGIN PRIVATE KEY----\nabcdefghijklmnopqrstuv",
            "-----begin private key-----\nabcdefghijklmnopqrstuvwx", "-----BEGIN private KEY-----\nabcdefghijklmnopqrstuv", "-----BEGIN", "-----", "---------- BEGIN ----------",
            "-----END PRIVATE KEY-----", "PRIVATE KEY", "-----BEGIN PRIVATE", "-----BEGIN KEY-----\n" + pick(B62, 40), "BEGIN RSA PRIVATE KEY\n" + pick(B62, 40),
            "ssh-rsa AAAAB3NzaC1yc2E fake@host", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFake", "| ----- | ----- |", "my private key is at home", "-----BEGIN MESSAGE-----\nhello",
            "-----BEGIN PRIVATE KEY-----\n\n", "-----BEGIN PRIVATE KEY----- -----END PRIVATE KEY-----"]
    misses(kind, bad, ["%s", "%s", "text\n%s"])


def connections():
    kind = "ConnectionString"
    users = ["app", "svc_user", "readonly", "", "admin%40corp", "u"]
    passwords = ["fake-Pa55", "s3cr3t", "p%40ss", "FAKE!word", "hunter2", "a:b:c", "x", "fäke", "p#ss", "q?w", "1234", "pa@ss", "pa/ss1", "0penSesame$", "fake_(pw)"]
    schemes = ["postgres", "mysql", "redis", "amqp", "mongodb+srv", "https", "ftp", "clickhouse", "sqlserver", "smtp", "ldap"]
    hosts = ["db.example.com:5432/app", "localhost/x", "cache.example:6379", "db1.example,db2.example/x", "mq.example/vhost", "db"]
    for index in range(36):
        user, password = users[index % len(users)], passwords[index % len(passwords)]
        text = "%s://%s:⟦%s⟧@%s" % (schemes[index % len(schemes)], user, password, hosts[index % len(hosts)])
        ROWS.append((kind, "hit", ["%s", "url=%s", '"%s"', "connect to %s now", "export DB='%s'"][index % 5].replace("%s", text)))
    split(kind, ["Server=db.example;Database=app;User Id=sa;Password=⟦fake Pass1⟧;", "Server=db.example;Uid=sa;Pwd=⟦fake1⟧;Encrypt=yes", "host=db.example user=app password=⟦fake-secret⟧ dbname=x",
                 "host=db.example port=5432 password='⟦fa ke⟧' user=x", "Data Source=db;User ID=sa;Password=⟦abc⟧;",
                 "Password=⟦fake 1⟧;Server=db.example", "DefaultEndpointsProtocol=https;AccountName=fake;AccountKey=⟦FAKE%s==⟧;EndpointSuffix=x" % pick(B62, 80),
                 "Endpoint=sb://x.example/;SharedAccessKeyName=all;SharedAccessKey=⟦FAKE%s=⟧" % pick(B62, 40), "DB_HOST=db.example\nDB_PASSWORD=⟦fake-pw⟧\nDB_PORT=5432",
                 "jdbc:x://db.example/app?user=app&password=⟦fakepw⟧&ssl=true", "user=app;passwd=⟦fakepw⟧;", "DRIVER={ODBC 18};SERVER=db;UID=sa;PWD={⟦fa;ke⟧}", "username=bob password=⟦fake123⟧ timeout=5",
                 "dsn: host=db.example password=⟦x9⟧", "server=tcp:db.example,1433;password=⟦Fake#1⟧;user=a", "user = app; password = ⟦fakepw⟧; x = 1"])
    bad = ["https://example.com:8080/path", "https://example.com:8080/@user", "http://host:3000/a@b", "postgres://app@db.example/app", "redis://cache.example:6379/0", "scheme://user:${PASS}@host/db",
           "scheme://user:<password>@host/db", "scheme://user:****@host/db", "scheme://user:xxxx@host", "scheme://user:{password}@host", "scheme://user:[pw]@host", "scheme://user:@host/db", "https://example.com/a:b@c",
           "password=secret", "password: hunter2", "set password=x in the form", "password=", "Password=;Server=db", "host=db password=${PW}", "host=db password=**** user=a", "password==x", "the password = good", "user=app dbname=x host=db",
           "Server=db;Trusted_Connection=yes;", "reset your password?user", "http://[host]:8080/", "a://b", "://x:y@z", "mailto:a", "10:30://", "see https://example.com/?q=a:b", "git+ssh://git@example.com/r.git",
           "https://example.com:443", "tcp://any:80", "jdbc:x://db.example:3306/app", "file:///etc/passwd", "passwd=x", "npm:pkg@1", "https://user@host", "s3://bucket:dir/x",
           "pwd=/home/app", "PWD=/srv/app", "pwd", "password is secret", "pwd=x", "redis://:@cache", "scheme://host:port/x", "scheme://host:PORT/path", "https://example.com:8443/reset?email=a",
           "x-password=off", "password=y", "user:password@", "u:p", "//user:pw", "password=p"]
    misses(kind, bad, ["%s", "it says %s here"])


def births():
    kind = "DateOfBirth"
    months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
    forms = ["{y}-{m:02d}-{d:02d}", "{d:02d}.{m:02d}.{y}", "{m:02d}/{d:02d}/{y}", "{d} {n} {y}", "{n} {d}, {y}", "{y}/{m:02d}/{d:02d}", "{d:02d}-{a}-{y}", "{y}{m:02d}{d:02d}", "{m}/{d}/{y2:02d}", "{d:02d}-{m:02d}-{y}"]
    names = ["DOB: %s", "dob=%s", '"date_of_birth": "%s"', "born on %s in Bern", "Date of Birth: %s", "birthdate %s", '{"dateOfBirth":"%s"}', "birthday is %s", "patient, dob %s, male", "geburtsdatum: %s", "user_dob,%s",
             "D.O.B. %s", "birth date: %s", "%s (date of birth)", "born %s", "userDob: %s"]

    def date(year=None):
        year, month, day = year or R.randint(1925, 2015), R.randint(1, 12), R.randint(1, 28)
        return dict(y=year, m=month, d=day, n=months[month - 1], a=months[month - 1][:3], y2=year % 100)

    for index in range(56):
        context = names[index % len(names)]
        form = forms[index % len(forms)]
        if context.startswith("%s") and "{n}" in form:
            form = forms[0]
        hit(kind, form.format(**date()), context)
    dates = [forms[i % len(forms)].format(**date()) for i in range(24)]
    misses(kind, dates, ["created %s", "%s", "due: %s", '"updated_at": "%s"', "expires %s", "hired on %s", "invoice of %s"])
    bad = ["dob: 1985-02-30", "dob: 1985-13-01", "born 1785-03-12", "dob=31.04.1990", "dob: 2150-01-01", "born 29 February 1991", "dob: 00/00/0000", "dob: unknown", "DOB: n/a", "dob=null", "dob", "born in Bern", "born free",
           "birthday party on Friday", "adobe 2020-01-01", "stubborn since 2020-01-01", "newborn unit, 2020-01-01", "reborn 2020-01-01", "born with 10 fingers", "dob: 19850312-1234", "dob: 12345678", "dob 1.2.3.4.5",
           "date of birth is required", "birthday: see HR", "born at 12:34", "dob check failed 3 times", "birthday in 2024", "born, then moved on 2020-01-01", "airborne 2001-02-03", "dob: 1985-3", "dob: 85", "born to run 1975", "date_of_birth_verified_at"]
    misses(kind, bad, ["%s", "note: %s"])


def everyday():
    """Lines as they come out of tables and logs, with nothing in them to hide."""
    kinds = ["CreditCard", "Phone", "IpAddress", "ApiKey", "SocialSecurityNumber", "Iban"]
    words = ["amber", "harbour", "ledger", "quiet", "window", "market", "signal", "copper", "meadow", "violet"]
    for index in range(60):
        w = [R.choice(words) for _ in range(4)]
        stamp = "2024-%02d-%02dT%02d:%02d:%02d.%03dZ" % (R.randint(1, 12), R.randint(1, 28), R.randint(0, 23), R.randint(0, 59), R.randint(0, 59), R.randint(0, 999))
        forms = ["%s|%s|%d|%.2f|%s" % (guid(), w[0], R.randrange(10**6), R.random() * 1000, stamp),
                 "%s INFO %s.%s took %dms id=%s" % (stamp, w[0], w[1], R.randrange(900), sha(16)),
                 "%d,%s %s,%d,%s,v%d.%d.%d" % (R.randrange(10**5), w[0], w[1], 1600000000 + R.randrange(10**8), guid(), R.randint(0, 9), R.randint(0, 20), R.randint(0, 99)),
                 "order 2024-%06d of %s and %s: 3 x %.2f = %.2f" % (R.randrange(10**6), w[0], w[1], R.random() * 90, R.random() * 270),
                 "%.6f, %.6f (%s)" % (R.random() * 180 - 90, R.random() * 360 - 180, w[2]),
                 "sha256:%s  %s-%d.%d.tar.gz" % (sha(64), w[0], R.randint(1, 9), R.randint(0, 30))]
        miss(kinds[index % len(kinds)], forms[index % len(forms)])


def later():
    """What was found missing later, behind all else, so that the chance of the others stays."""
    hits("Phone", ["555-123-4567", "(555) 123-4567", "+1 555 123 4567", "1-555-010-9999", "+15551234567", "555.123.4567", "+1 (555) 010-1234"])
    misses("Phone", ["555-111-2222", "155-123-4567", "455-123-4567", "1555123456789", "5551234567"])
    hits("SlackToken", ["xoxb-123456789012-1234567890123-FAKE%s" % "AbCdEfGhIjKlMnOpQrSt", "xoxp-%s-%s-FAKEhVbLqWzRtYpXcNmKdGsJ" % (pick(D, 12), pick(D, 12))])
    misses("SlackToken", ["xoxb-123456789012-1234567890123-yourtokengoesrighthere", "xoxb-123456789012-PLACEHOLDERPLACEHOLDER"])
    body = "MIIEFAKE" + pick(B62 + "+/", 120) + "=="
    hits("PrivateKey", ["-----BEGIN%s PRIVATE KEY-----%s-----END%s PRIVATE KEY-----" % (label, body, label) for label in ("", " RSA", " OPENSSH")])
    misses("PrivateKey", ["-----BEGIN PRIVATE KEY-----END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY----- and so on", "-----BEGIN PUBLIC KEY-----%s-----END PUBLIC KEY-----" % body, "-----BEGIN PRIVATE KEY-----<base64>-----END PRIVATE KEY-----"])


def numbers():
    """Numbers as columns and JSON documents hold them: a payment card's, or a benign one."""
    rows = []
    issued = ["4", "51", "55", "2221", "2720", "34", "37", "3528", "3589", "36", "6011", "6221", "6500", "5018", "6304", "6759", "2204", "9792"]
    for prefix in issued:
        lengths = {"34": [15], "37": [15], "36": [14], "4": [13, 16, 19], "6221": [16, 19]}.get(prefix, [16])
        for length in lengths:
            body = prefix + pick(D, length - len(prefix) - 1)
            check = next(d for d in D if luhn_sum(body + d) % 10 == 0)
            weighted = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body + check))
            if length == 13 and weighted % 10 == 0:
                continue  # An article's number too.
            rows.append(("hit", body + check))
            rows.append(("miss", body + str((int(check) + 1) % 10)))
    for _ in range(20):
        seconds = 1_500_000_000 + R.randrange(400_000_000)
        for scale in (1, 10**3, 10**6, 10**9):
            rows.append(("miss", str(seconds * scale + R.randrange(scale))))
        rows.append(("miss", "%d.%06d" % (seconds, R.randrange(10**6))))
        # What joins a time and a counter: snowflakes.
        rows.append(("miss", str((seconds * 1000 - 1288834974657 << 22) + R.randrange(1 << 22))))
        rows.append(("miss", str(10**12 + R.randrange(10**6))))
        rows.append(("miss", str(R.randrange(10**12))))
        rows.append(("miss", "20%02d%02d%02d%02d%02d%02d" % (R.randint(10, 29), R.randint(1, 12), R.randint(1, 28), R.randint(0, 23), R.randint(0, 59), R.randint(0, 59))))
        rows.append(("miss", "-" + pick("123456789", 1) + pick(D, 17)))
        rows.append(("miss", "%.13f" % (R.random() * 180)))
        rows.append(("miss", "%.9e" % (R.random() * 10**15)))
        article = "40" + pick(D, 10)
        weight = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(article))
        rows.append(("miss", article + str(-weight % 10)))
    for number, label in dict((n, l) for l, n in rows).items():
        print(f"{label}\t{number}")


if sys.argv[1:] == ["numbers"]:
    numbers()
    sys.exit()

for make in (everyday, cards, ssns, emails, phones, ibans, addresses, macs, jwts, aws, gcp, github, slack, api_keys, pems, connections, births, later):
    make()

seen = set()
for kind, label, text in ROWS:
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    line = f"{kind}\t{label}\t{text}"
    if line not in seen:
        seen.add(line)
        print(line)
