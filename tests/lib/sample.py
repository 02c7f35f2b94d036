#!/usr/bin/env python3
"""A sample mailbox: a few hundred messages as a Maildir tree, always the same.

usage: sample.py DIRECTORY [NOW]

NOW (seconds since 1970) moves all dates along; without it they are fixed. What
is in there: threads, unread, flagged and answered mail, HTML, attachments of
some megabytes, many scripts, a mailing list, format=flowed, every transfer
encoding, encoded names, nested messages, a very long text, and mail that means
harm. messages() gives the same to tests, without a file.
"""
import base64
import collections
import os
import quopri
import random
import struct
import sys
import zlib
from email.header import decode_header, make_header
from email.utils import formatdate

NOW = 1789560000  # 2026-09-16 12:00 UTC
DAY = 86400
DOMAIN = "example.org"

# A message of the sample: mailbox ("/" between levels), Maildir flags, time, bytes.
Message = collections.namedtuple("Message", "mailbox flags time data")

PEOPLE = {
    "anna": "Anna Berg <anna@example.org>",
    "bert": "Bert Claasen <bert@example.org>",
    "carla": "=?utf-8?q?Carla_Mu=C3=B1oz?= <carla@example.net>",
    "dmitri": "=?utf-8?b?0JTQvNC40YLRgNC40Lkg0J7RgNC70L7Qsg==?= <dmitri@example.com>",
    "emi": "=?iso-2022-jp?b?GyRCOzMbKEIgGyRCMUMbKEI=?= <emi@example.jp>",
    "farid": "=?utf-8?b?2YHYsdmK2K8g2K3Ys9mG?= <farid@example.com>",
    "galit": "=?utf-8?b?15LXnNeZ16og15vXlA==?= <galit@example.net>",
    "hugo": '"Hugo \\"the boss\\" Iversen, PhD" <hugo@example.org>',
    "ines": "=?iso-8859-1?q?In=EAs_de_S=E1?= <ines@example.pt>",
    "joe": "joe@example.com (Joe Kowalski)",
    "wei": "=?gb18030?b?zfXOsA==?= <wei@example.cn>",
}
ME = PEOPLE["anna"]

TOPICS = [
    "Plans for the harbour house", "Slow search on the old server", "Minutes of Tuesday's call",
    "Which bicycle for the winter?", "Draft of the annual report", "Garden party, second try",
    "Release 0.4: what is still open", "Keys for the workshop", "Questions about the invoice",
    "A better colour for the boat", "Recipe: bread without kneading", "Train times in October",
    "New chairs for the library", "Your talk at the meeting", "Who waters the plants?",
    "Photos from the island", "The printer again", "Choir practice moved to Thursday",
]
SENTENCES = [
    "I had another look at it this morning and it is not as bad as I thought.",
    "Could you tell me by Friday whether that suits you?",
    "The second option is cheaper, but it takes a week longer.",
    "We should ask Bert before anything is ordered.",
    "There is a short summary at the end of the page.",
    "Nobody has complained so far, which may mean that nobody has tried it.",
    "Last time we forgot the key, so please put it on the list.",
    "It rained the whole afternoon and we stayed inside.",
    "As far as I can see the numbers in the third column are wrong.",
    "I will be on the train until four and can answer after that.",
    "Thank you for the quick reply, that helps a lot.",
    "Let us keep it simple: one page, two pictures, no table.",
    "The old one still works, there is no hurry.",
    "Please do not forward this before the date is fixed.",
    "If I do not hear from you I shall assume that it is fine.",
]


def encoded(text, charset="utf-8", kind="b"):
    """An RFC 2047 word."""
    raw = text.encode(charset)
    if kind == "q":
        body = "".join(chr(c) if chr(c).isalnum() and c < 128 else "_" if c == 32 else "=%02X" % c for c in raw)
    else:
        body = base64.b64encode(raw).decode()
    return "=?%s?%s?%s?=" % (charset, kind, body)


def crlf(text):
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def wrap64(data):
    return "\r\n".join(base64.b64encode(data[i:i + 57]).decode() for i in range(0, len(data), 57)) + "\r\n"


class Part:
    """A MIME part: its own header fields and its encoded body."""

    def __init__(self, fields, body):
        self.fields, self.body = fields, body

    def text(self):
        return "".join("%s: %s\r\n" % f for f in self.fields) + "\r\n" + self.body


def text_part(text, subtype="plain", charset="utf-8", encoding="8bit", params="", more=()):
    raw = crlf(text).encode(charset)
    if encoding == "base64":
        body = wrap64(raw)
    elif encoding == "quoted-printable":
        body = crlf(quopri.encodestring(raw.replace(b"\r\n", b"\n")).decode())
    else:
        body = raw.decode("latin-1")  # bytes kept as they are: see finish()
    fields = [("Content-Type", "text/%s; charset=%s%s" % (subtype, charset, params)),
              ("Content-Transfer-Encoding", encoding)]
    return Part(fields + list(more), body)


def file_part(ctype, name, data, disposition="attachment", name_param=None):
    name_param = name_param or 'filename="%s"' % name
    return Part([("Content-Type", ctype), ("Content-Transfer-Encoding", "base64"),
                 ("Content-Disposition", "%s; %s" % (disposition, name_param))], wrap64(data))


def multipart(subtype, parts, boundary, params="", preamble=""):
    body = preamble
    for p in parts:
        body += "--%s\r\n%s\r\n" % (boundary, p.text())
    return Part([("Content-Type", 'multipart/%s; boundary="%s"%s' % (subtype, boundary, params))],
                body + "--%s--\r\n" % boundary)


def rfc822_part(data):
    return Part([("Content-Type", "message/rfc822"), ("Content-Disposition", "inline")], data.decode("latin-1"))


def finish(fields, part):
    """The message as bytes. Text that went through latin-1 gets its bytes back."""
    head = "".join("%s: %s\r\n" % f for f in fields + [("MIME-Version", "1.0")])
    return (head.encode("utf-8", "surrogateescape") + part.text().encode("latin-1"))


class Writer:
    """Makes messages one after the other; all chance comes from one seed."""

    def __init__(self, now):
        self.now, self.chance, self.count, self.out = now, random.Random(20260916), 0, []

    def message_id(self):
        self.count += 1
        return "<sample.%d@%s>" % (self.count, DOMAIN)

    def put(self, mailbox, flags, age, sender, subject, part, to=ME, more=(), reply_to=None, msgid=None):
        """Add a message `age` seconds old; returns (message id, references)."""
        msgid, when = msgid or self.message_id(), self.now - int(age)
        fields = [("Return-Path", "<sender@example.org>"), ("From", sender), ("To", to), ("Subject", subject),
                  ("Date", formatdate(when, localtime=False).replace("-0000", "+0000")), ("Message-ID", msgid)]
        refs = ()
        if reply_to:
            refs = reply_to[1] + (reply_to[0],)
            fields += [("In-Reply-To", reply_to[0]), ("References", "\r\n ".join(refs[-10:]))]
        self.out.append(Message(mailbox, flags, when, finish(fields + list(more), part)))
        return msgid, refs

    def paragraph(self, n):
        return " ".join(self.chance.sample(SENTENCES, n))

    def prose(self, name):
        text = "Hello,\n\n"
        for _ in range(self.chance.randint(1, 4)):
            text += fill(self.paragraph(self.chance.randint(2, 5))) + "\n\n"
        shown = str(make_header(decode_header(name)))  # whoever signs writes no encoded words
        return text + shown.split("<")[0].split("@")[0].strip('" ').split(" ")[0].title() + "\n"


def fill(text, cols=72, lead=""):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > cols - len(lead):
            lines.append(lead + line)
            line = word
        else:
            line = line + " " + word if line else word
    return "\n".join(lines + [lead + line])


def quoted(text, who):
    lines = [l for l in text.split("\n")][:8]
    return "%s wrote:\n" % who + "".join((">" if l.startswith(">") else "> ") + l + "\n" for l in lines) + "\n"


def png(width, height, chance):
    """A true picture that does not compress well."""
    rows = bytearray()
    for y in range(height):
        noise = chance.randbytes(width)
        rows += b"\0"
        for x in range(width):
            rows += bytes(((x + noise[x] // 8) & 255, (y + noise[x] // 4) & 255, noise[x] & 63 | 128))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))


def wav(seconds, chance):
    data = chance.randbytes(seconds * 8000 * 2)
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", len(data)) + data)


PDF = (b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
       b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")

SCRIPTS = [
    ("dmitri", "Расписание поездов на октябрь", "Здравствуй, Анна!\n\nПосылаю расписание поездов. Первый отходит в 7:15,\n"
     "последний в 23:40. Билеты лучше купить заранее.\n\nДмитрий\n", "koi8-r", "base64"),
    ("dmitri", "Ответ: лодка и новый парус", "Парус готов. Приезжай смотреть!\n", "utf-8", "quoted-printable"),
    ("emi", "来週の会議について", "ベルグ様\n\n来週の会議は木曜日の午後三時からです。\n資料を添付しますのでご確認ください。\n\n山 瞳\n",
     "iso-2022-jp", "7bit"),
    ("wei", "关于图书馆的新椅子", "你好，安娜：\n\n新椅子下星期二到货，一共二十四把。请安排人手搬运。\n\n王伟\n", "gb18030", "base64"),
    ("farid", "موعد الاجتماع القادم", "السلام عليكم،\n\nموعد الاجتماع يوم الخميس في الساعة 15:00 في القاعة 3.\n\nفريد\n",
     "utf-8", "base64"),
    ("galit", "תמונות מהאי", "שלום אנה,\n\nהנה התמונות מהאי (12 בסך הכל).\n\nגלית\n", "windows-1255", "base64"),
    ("ines", "Convite para a festa no jardim", "Olá Anna,\n\na festa é no sábado às cinco; traz pão e vinho.\nAté já!\n\nInês\n",
     "iso-8859-1", "quoted-printable"),
    ("carla", "¡Feliz cumpleaños! 🎂🎉", "¡Muchas felicidades! 👩‍👩‍👧‍👦 🇪🇸 👍🏽\n\nUn abrazo,\nCarla\n", "utf-8", "8bit"),
    ("emi", "한국어 안내와 ภาษาไทย", "안녕하세요, 안나 씨. 사진을 보냅니다.\n\nสวัสดีค่ะ ขอบคุณมาก\n\nहिन्दी में नमस्ते\n", "utf-8", "base64"),
    ("bert", "Zalgo and friends: Z̷̛͚a̵͎͝l̶͖̈g̴̱̈́ö̷́", "c̈o̊m̃b̂i̤ning: á ñ é ö, ﬁ ligature, ａｂｃ fullwidth, e\u0301 twice é\n", "utf-8", "8bit"),
    ("joe", "Grüße aus Łódź", "Zażółć gęślą jaźń. Grüße!\n\nJoe\n", "iso-8859-2", "quoted-printable"),
    ("hugo", "Ελληνικά και κείμενο", "Καλημέρα Άννα,\n\nη συνάντηση είναι αύριο στις 9.\n\nHugo\n", "iso-8859-7", "8bit"),
]


def add_scripts(w):
    for i, (who, subject, text, charset, encoding) in enumerate(SCRIPTS):
        word_charset = charset if charset not in ("gb18030", "iso-2022-jp") else "utf-8"
        w.put("INBOX", "" if i % 3 == 0 else "S", i * 9 * 3600 + 1800, PEOPLE[who],
              encoded_subject(subject, word_charset), text_part(text, charset=charset, encoding=encoding))


def encoded_subject(subject, charset):
    """Several words: no word over 75 characters, none cutting a character."""
    try:
        subject.encode(charset)
    except UnicodeEncodeError:
        charset = "utf-8"
    return "\r\n ".join(encoded(subject[i:i + 12], charset) for i in range(0, len(subject), 12))


def add_threads(w, mailbox, topics, oldest_days, more=(), to=ME, seen=0.8):
    names = sorted(PEOPLE)
    for n, topic in enumerate(topics):
        age = w.chance.uniform(1, oldest_days) * DAY
        sender = PEOPLE[w.chance.choice(names)]
        text = w.prose(sender)
        thread = [w.put(mailbox, "S", age, sender, topic, text_part(text), to=to, more=more)]
        for _ in range(w.chance.choice((0, 0, 1, 2, 3, 5, 9))):
            age -= w.chance.uniform(0.05, 0.6) * min(age, 2 * DAY)
            sender = PEOPLE[w.chance.choice(names)]
            answer = quoted(text, "Someone") + w.prose(sender)
            flags = ("S" if w.chance.random() < seen else "") + ("R" if w.chance.random() < 0.15 else "")
            flags += "F" if w.chance.random() < 0.07 else ""
            prefix = w.chance.choice(("Re: ", "Re: ", "Re: ", "RE: ", "AW: "))
            thread.append(w.put(mailbox, "".join(sorted(flags)), age, sender, prefix + topic, text_part(answer),
                                to=to, more=more, reply_to=w.chance.choice(thread[-3:])))
            text = answer


def add_html(w):
    plain = "Our offers this week\n\n* Lamp, 39.90\n* Chair, 80.00\n\nhttps://shop.example.com/\n"
    html = ("<html><head><title>Offers</title><style>p{color:red}</style></head><body><h1>Our offers this week</h1>"
            "<p>Dear <b>Anna</b>,</p><ul><li>Lamp, 39.90 &euro;</li><li>Chair, 80.00 &euro;</li></ul>"
            "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Lamp</td><td>39.90</td></tr></table>"
            "<p>See <a href=\"https://shop.example.com/?a=1&amp;b=2\">the shop</a>.</p>"
            "<img src=\"https://tracker.example.com/pixel.gif?u=anna\" width=1 height=1>"
            "<script>alert(1)</script></body></html>")
    w.put("INBOX", "", 3 * 3600, "The Shop <news@shop.example.com>", "Our offers this week",
          multipart("alternative", [text_part(plain), text_part(html, "html", encoding="quoted-printable")], "alt-1"))
    w.put("INBOX", "S", 30 * 3600, "Booking <noreply@travel.example.com>", "Your booking X7-221 (HTML alone)",
          text_part(html.replace("Offers", "Booking"), "html", "iso-8859-15", "quoted-printable"))
    picture = png(64, 48, w.chance)
    related = multipart("related", [
        text_part('<p>Look: <img src="cid:boat@example.org" alt="the boat"></p>', "html"),
        Part([("Content-Type", "image/png"), ("Content-ID", "<boat@example.org>"),
              ("Content-Disposition", "inline; filename=boat.png"), ("Content-Transfer-Encoding", "base64")],
             wrap64(picture))], "rel-1")
    w.put("INBOX", "FS", 52 * 3600, PEOPLE["carla"], "The boat, with its new colour",
          multipart("alternative", [text_part("Look: [the boat]\n"), related], "alt-2"))
    deep = "".join("<div><table><tr><td>" for _ in range(300)) + "deep inside" + "</td></tr></table></div>" * 300
    w.put("INBOX", "S", 95 * 3600, "newsletter@deep.example.com", "A newsletter of many tables",
          text_part("<html><body>" + deep + "</body></html>", "html"))


def add_attachments(w):
    photo = png(1200, 800, w.chance)
    w.put("INBOX", "", 5 * 3600, PEOPLE["bert"], "Photos from the island",
          multipart("mixed", [text_part("Three of them here, the rest when I am home.\n\nBert\n"),
                              file_part("image/png", "island-1.png", photo),
                              file_part("image/png", "island-2.png", photo[::-1][:900000]),
                              file_part("application/pdf", "tickets.pdf", PDF)], "mix-1"))
    w.put("INBOX", "FS", 28 * 3600, PEOPLE["hugo"], "Recording of Tuesday's call",
          multipart("mixed", [text_part("The first five minutes are missing.\n"),
                              file_part("audio/x-wav", "call.wav", wav(240, w.chance))], "mix-2"))
    names = [
        ("filename*=utf-8''%C3%9Cbersicht%20f%C3%BCr%20M%C3%A4rz.pdf", "RFC 2231"),
        ("filename*0*=utf-8''%D0%9E%D1%82; filename*1*=%D1%87%D1%91; filename*2=\"t.pdf\"", "RFC 2231 in pieces"),
        ('filename="%s"' % encoded("Résumé final.pdf", "iso-8859-1", "q"), "RFC 2047 in quotes, as many do"),
        ('filename="../../../../etc/passwd"', "a path"),
        ('filename="harmless.txt\u202efdp.exe"', "right to left"),
        ('filename="a\x1b]0;owned\x07b.txt"', "an escape sequence"),
        ("filename=", "no name"),
    ]
    parts = [file_part("application/octet-stream", "", b"x" * 100, name_param=n.encode().decode("latin-1"))
             for n, _ in names]
    w.put("INBOX", "S", 44 * 3600, PEOPLE["ines"], "Names of attachments, good and bad",
          multipart("mixed", [text_part("".join("%d. %s\n" % (i, why) for i, (_, why) in enumerate(names, 1)))] + parts,
                    "mix-3"))
    csv = "".join("%d;%s;%.2f\r\n" % (i, w.chance.choice(TOPICS), w.chance.random() * 100) for i in range(20000))
    w.put("INBOX", "S", 120 * 3600, PEOPLE["joe"], "The table you asked for",
          multipart("mixed", [text_part("See the attachment.\n", encoding="quoted-printable"),
                              file_part("text/csv; charset=us-ascii", "table.csv", csv.encode())], "mix-4"))


def add_structure(w):
    flowed = ("This paragraph is one line for whoever knows format=flowed, and \nseveral for whoever does not. "
              "The blank at the end of a line says \nso.\n\n> A quotation flows, \n> too.\n>> Twice quoted.\n\n-- \nBert\n")
    w.put("INBOX", "S", 20 * 3600, PEOPLE["bert"], "Flowing text",
          text_part(flowed, params="; format=flowed; delsp=no", encoding="7bit", charset="us-ascii"))
    inner = finish([("From", PEOPLE["emi"]), ("To", ME), ("Subject", "The message inside"),
                    ("Date", formatdate(w.now - 90 * DAY)), ("Message-ID", "<inner@example.jp>")],
                   multipart("mixed", [text_part("Text of the inner message.\n"),
                                       file_part("application/pdf", "inner.pdf", PDF)], "inner-1"))
    w.put("INBOX", "S", 60 * 3600, PEOPLE["carla"], "Fwd: The message inside",
          multipart("mixed", [text_part("Have a look.\n"), rfc822_part(inner)], "fwd-1"))
    digest = multipart("digest", [Part([], finish([("From", PEOPLE["joe"]), ("Subject", "Digest item %d" % i)],
                                                  text_part("Item %d\n" % i)).decode("latin-1")) for i in range(1, 6)],
                       "digest-1")
    w.put("INBOX", "S", 75 * 3600, "digest@lists.example.org", "Digest of the week", digest)
    nested = text_part("At the bottom of ten levels.\n")
    for level in range(10):
        nested = multipart("mixed", [nested], "level-%d" % level)
    w.put("INBOX", "S", 81 * 3600, PEOPLE["dmitri"], "Ten levels deep", nested)
    w.put("INBOX", "S", 85 * 3600, "MAILER-DAEMON@example.org", "Undelivered Mail Returned to Sender",
          multipart("report", [text_part("This is the mail system.\n\n<nobody@example.com>: user unknown\n"),
                               Part([("Content-Type", "message/delivery-status")],
                                    "Reporting-MTA: dns; example.org\r\n\r\nFinal-Recipient: rfc822; nobody@example.com\r\n"
                                    "Action: failed\r\nStatus: 5.1.1\r\n"),
                               rfc822_part(inner)], "report-1", "; report-type=delivery-status"))
    invite = ("BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1@example.org\nDTSTART:20260924T150000Z\n"
              "SUMMARY:Choir practice\nEND:VEVENT\nEND:VCALENDAR\n")
    w.put("INBOX", "", 7 * 3600, PEOPLE["hugo"], "Invitation: choir practice",
          multipart("alternative", [text_part("Choir practice, Thursday at five.\n"),
                                    text_part(invite, "calendar", params="; method=REQUEST")], "cal-1"))
    long_text = "".join("%05d  %s\n" % (i, w.chance.choice(SENTENCES)) for i in range(4600))
    w.put("INBOX", "S", 100 * 3600, PEOPLE["joe"], "The whole log (300 KB of text)", text_part(long_text))
    w.put("INBOX", "S", 101 * 3600, PEOPLE["joe"], "One line of 100,000 characters", text_part("word " * 20000 + "\n",
          encoding="base64"))
    w.put("INBOX", "S", 103 * 3600, PEOPLE["hugo"], "Signed",
          multipart("signed", [text_part("This text is signed.\n", encoding="quoted-printable"),
                               Part([("Content-Type", "application/pgp-signature; name=signature.asc")],
                                    "-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n-----END PGP SIGNATURE-----\r\n")],
                    "sig-1", "; micalg=pgp-sha256; protocol=\"application/pgp-signature\""))


def add_hostile(w):
    bad = text_part("\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m \x9b31m \x90q \x08\x08\x08 \x7f\nbidi: \u202eback\u202c end\n")
    hostile = [
        ("Evil \x1b[2J\x1b]0;owned\x07 <evil@example.com>", "Escape \x1b[31msequences\x1b[0m in the subject", bad),
        ('"\u202egro.elpmaxe@anna" <evil@example.com>', "\u202etcejbus sdrawkcaB", bad),
        ("=?utf-8?b?G1szMW0=?= <evil@example.com>", "=?utf-8?q?Encoded_=1B[31m_=0D=0A_newline=00?=", bad),
        ("evil@example.com", "=?utf-8?b?////?= =?no-such-charset?q?=FF?= =?utf-8?q?unfinished", bad),
        ("<" * 200 + "evil@example.com" + ">" * 200, "Long " + "very " * 300 + "subject", bad),
        ("evil@example.com", "Raw 8-bit \udce9\udcff\udc80 in a header", bad),
        ("evil@example.com", "Wide \u200b\u200bzero \ufeffwidth \U000e0041\U000e0042tags", bad),
        ("evil@example.com", "No boundary at the end", Part([("Content-Type", 'multipart/mixed; boundary="x"')],
         "--x\r\nContent-Type: text/plain\r\n\r\nnever closed\r\n")),
        ("evil@example.com", "Broken base64", Part([("Content-Type", "text/plain"),
         ("Content-Transfer-Encoding", "base64")], "SGVsbG8 =!!= d29ybGQ\r\n====\r\n")),
        ("evil@example.com", "Content-Type from nowhere", Part([("Content-Type", "te\x01xt/;;=;charset")], "text\r\n")),
        ("", "No sender and no date", Part([], "only text\r\n")),
        ("evil@example.com", "NUL \0 bytes", Part([("Content-Type", "text/plain")], "before \0 after\r\n")),
    ]
    for i, (sender, subject, part) in enumerate(hostile):
        w.put("Junk", "" if i % 2 else "S", (10 + i * 7) * 3600, sender, subject, part)
    w.put("INBOX", "", 9 * 3600, hostile[0][0], hostile[0][1], bad)


def add_list(w):
    more = [("List-Id", "Sailors' list <sailors.lists.example.org>"),
            ("List-Post", "<mailto:sailors@lists.example.org>"),
            ("List-Unsubscribe", "<https://lists.example.org/leave>"), ("Precedence", "list")]
    topics = ["[sailors] %s %s" % (a, b) for a in ("Mast", "Keel", "Anchor", "Rope", "Compass")
              for b in ("for sale", "repair", "question", "wanted", "photographs")]
    add_threads(w, "Lists/sailors", topics, 60, more, "sailors@lists.example.org", 0.5)
    # One thread long and deep enough to run out of a screen.
    thread = [w.put("Lists/sailors", "S", 20 * DAY, PEOPLE["joe"], "[sailors] Which knot?", text_part("Which?\n"),
                    to="sailors@lists.example.org", more=more)]
    for i in range(30):
        parent = thread[-1] if i % 4 else thread[len(thread) // 2]
        thread.append(w.put("Lists/sailors", "S" if i < 22 else "", (19.5 - i * 0.6) * DAY,
                            PEOPLE[sorted(PEOPLE)[i % len(PEOPLE)]], "Re: [sailors] Which knot?",
                            text_part("> Which?\n\nNumber %d, I should say.\n" % i),
                            to="sailors@lists.example.org", more=more, reply_to=thread[-1] if i % 4 else parent))


def messages(now=NOW):
    w = Writer(now)
    add_scripts(w)
    add_threads(w, "INBOX", TOPICS, 45)
    add_html(w)
    add_attachments(w)
    add_structure(w)
    add_hostile(w)
    add_list(w)
    add_threads(w, "Archive/2025", ["%s (%d)" % (t, n) for n in (1, 2) for t in TOPICS], 600, seen=1)
    for i in range(24):
        w.put("Sent", "S", (i * 1.7 + 0.3) * DAY, ME, "Re: " + w.chance.choice(TOPICS), text_part(w.prose("Anna")),
              to=PEOPLE[sorted(PEOPLE)[i % len(PEOPLE)]])
    for i in range(3):
        w.put("Drafts", "DS", (i + 0.1) * DAY, ME, "Draft %d" % (i + 1), text_part("Not finished yet: "), to="")
    for i in range(6):
        w.put("Trash", "S", (i + 2) * DAY, "ads@shop.example.com", "Only today, offer %d" % i, text_part("Buy!\n"))
    w.put("Projekte/Übersicht", "", 2 * DAY, PEOPLE["carla"], "Mailbox with an umlaut", text_part("Yes.\n"))
    w.put("写真", "S", 3 * DAY, PEOPLE["emi"], encoded("写真"), text_part("はい。\n"))
    return w.out


def mutf7(name):
    """A mailbox name as servers store it (RFC 3501, 5.1.3)."""
    out, run = "", ""
    for c in name + "\0":
        if " " <= c <= "~" or c == "\0":
            if run:
                out += "&" + base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"
                run = ""
            out += "" if c == "\0" else "&-" if c == "&" else c
        else:
            run += c
    return out


SPECIAL = {"Drafts": "\\Drafts", "Sent": "\\Sent", "Trash": "\\Trash", "Archive": "\\Archive", "Junk": "\\Junk"}


def write_maildir(directory, all_messages):
    """A Maildir++ tree: INBOX at the top, `.Lists.sailors` and so on below."""
    subscriptions = set()
    for n, m in enumerate(sorted(all_messages, key=lambda m: m.time)):
        folder = directory
        if m.mailbox != "INBOX":
            name = mutf7(m.mailbox).replace("/", ".")
            folder = os.path.join(directory, "." + name)
            subscriptions.add(name)
        for sub in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(folder, sub), 0o700, exist_ok=True)
        path = os.path.join(folder, "cur", "%d.M%06dP1.sample,S=%d:2,%s" % (m.time, n, len(m.data), m.flags))
        with open(path, "wb") as f:
            f.write(m.data)
        os.utime(path, (m.time, m.time))
    with open(os.path.join(directory, "subscriptions"), "w") as f:
        f.write("V\t2\n\n" + "".join(name.replace(".", "\t") + "\n" for name in sorted(subscriptions)))


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    write_maildir(sys.argv[1], messages(int(sys.argv[2]) if len(sys.argv) > 2 else NOW))


if __name__ == "__main__":
    main()
