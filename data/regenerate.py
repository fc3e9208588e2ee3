# ruff: noqa: INP001  a script, not a package
"""Generate the sample repositories anew, byte for byte: ``python data/regenerate.py [--check] [NAME ...]``.

``--check`` writes nothing and ends with 1 if a stored file is not what is generated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from branchsim.sample import SAMPLES, build, samples, truth


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="the samples; all, if none is named")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a file differs")
    options = parser.parse_args()
    here = Path(__file__).parent
    differing = 0
    for name in options.names or [sample.name for sample in SAMPLES]:
        stream, rows = build(name)
        archive, table = here / f"{name}.fi.gz", here / f"{name}.csv"
        # Another build of zlib may pack the same stream otherwise; what counts is the stream.
        same = archive.exists() and table.exists() and samples.read_stream(name) == stream
        same = same and table.read_bytes() == truth.write(rows)
        if not same and not options.check:
            archive.write_bytes(samples.packed(stream))
            table.write_bytes(truth.write(rows))
        differing += not same
        state = "unchanged" if same else "differs" if options.check else "written"
        sys.stdout.write(f"{name}: {len(stream):,} bytes, {archive.stat().st_size:,} packed: {state}\n")
    return int(options.check and differing > 0)


if __name__ == "__main__":
    sys.exit(main())
