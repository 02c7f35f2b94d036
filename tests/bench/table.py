"""The table of figures: rows with a bar, medians by reader, marks."""
import statistics


def short(n):
    return "{:,}".format(n)


class Row:
    """{reader: samples, or a word that says why there are none}, in a unit. `bar`
    is what tern is held to; of an `exact` row, a count, a miss is a failure."""

    def __init__(self, name, unit, bar=None, exact=False):
        self.name, self.unit, self.bar, self.exact = name, unit, bar, exact
        self.values, self.samples = {}, {}

    def put(self, reader, samples):
        if not isinstance(samples, list):
            samples = [samples]
        good = [s for s in samples if isinstance(s, (int, float))]
        self.samples[reader] = good
        self.values[reader] = statistics.median(good) if good else (samples[0] if samples else None)

    def cell(self, reader):
        v = self.values.get(reader)
        if v is None:
            return "-"
        if isinstance(v, str):
            return v
        return "%d" % v if self.exact and v == int(v) else "%.0f" % v if abs(v) >= 100 else "%.1f" % v

    def ratio(self):
        """The best of the others over tern: how many times better."""
        tern = self.values.get("tern")
        others = [v for n, v in self.values.items() if n != "tern" and isinstance(v, (int, float))]
        if not others or not isinstance(tern, (int, float)) or tern <= 0:
            return ""
        return "%.1fx" % (min(others) / tern)

    def mark(self):
        """Whether the bar is held; `noisy` when only the best of the samples holds it."""
        if self.bar is None or "tern" not in self.values:
            return ""
        v = self.values["tern"]
        if isinstance(v, (int, float)) and v <= self.bar:
            return "ok"
        best = min(self.samples["tern"], default=None)
        return "MISSED" + (" (best %.0f)" % best if best is not None and best <= self.bar and not self.exact else "")

    def as_json(self):
        return {"row": self.name, "unit": self.unit, "bar": self.bar, "exact": self.exact, "values": self.values,
                "samples": self.samples, "mark": self.mark()}


def show(rows, names):
    line = "%-52s" + "%10s" * len(names) + "%8s %7s %s"
    print("\n" + (line % (("", *names, "better", "bar", ""))).rstrip())
    for row in rows:
        label = row.name + (", " + row.unit if row.unit else "")
        bar = "" if row.bar is None else "%g" % row.bar
        print((line % ((label, *(row.cell(n) for n in names), row.ratio(), bar, row.mark()))).rstrip())
