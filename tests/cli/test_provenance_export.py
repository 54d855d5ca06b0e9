"""`reelkeeper provenance export` as staff type it: to a file, to the standard output, wrong."""

from __future__ import annotations

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from tests.catalogue.reel import make_decided
from tests.provenance.results import REEL


def test_the_record_goes_to_a_file_or_out(archive, database, tmp_path):
    engine = create_engine(database)
    make_decided(sessionmaker(engine))
    engine.dispose()
    written = archive.run("provenance", "export", REEL, "--as", "mets", "--to", tmp_path / "new" / "mets.xml")
    assert written.returncode == 0, written.stderr
    assert b"<mets:mets " in (tmp_path / "new" / "mets.xml").read_bytes()
    out = archive.run("provenance", "export", REEL, "--as", "csv", "--with-names")
    assert out.returncode == 0, out.stderr
    assert out.stdout.startswith("\ufeffreel_id,seq,")
    assert "authorizer: Ana Petrova" in out.stdout
    refused = archive.run("provenance", "export", REEL, "--as", "chain", "--with-names")
    assert refused.returncode == 2
    assert "chain names nobody" in refused.stderr
    assert refused.stdout == ""
