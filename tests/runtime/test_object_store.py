"""A vault on S3-compatible storage: a real client and a server that speaks the protocol (moto)."""

from __future__ import annotations

import os

import pytest
from moto.server import ThreadedMotoServer

from restoration_tasks.runtime import vault as vaults
from restoration_tasks.runtime.errors import SourceChanged, VaultError
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import StepName, Verdict
from restoration_tasks.runtime.step import StepDefinition
from restoration_tasks.runtime.vault import Vault
from tests.runtime.test_runner import Counting, hello_spec

MIB = 1024**2


@pytest.fixture(scope="module")
def store():
    """The address of a running store."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def on_store(store, settings, monkeypatch, request):
    """Settings whose vault is a new bucket, as a pod has them: keys and address by environment."""
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**keys, "AWS_ENDPOINT_URL": store}.items():
        monkeypatch.setenv(name, value)
    bucket = f"vault-{abs(hash(request.node.name)) % 10**9}"
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir(bucket)
    return settings.model_copy(update={"vault": f"s3://{bucket}/archive"})


def names(vault: Vault) -> list[str]:
    """Every object of the vault, below its root."""
    return sorted(str(path).partition("/archive/")[2] for path in vault.root.rglob("*") if path.is_file())


def test_work_is_published_reused_and_compared(on_store):
    vault, step = Vault(on_store.vault_root), Counting()
    first = run_step(hello_spec(on_store), step.definition, on_store)
    assert vault.local_root is None
    again = run_step(hello_spec(on_store, execution_id="other/shots/0"), step.definition, on_store)
    assert (step.times, again) == (1, first)
    folder = f"reels/reel-1/shots/{first.signature}"
    assert names(vault) == [f"{folder}/a001/result.json", f"{folder}/a001/text.txt", f"{folder}/result.json"]
    assert vault.verify(first.output("text"))
    fresh = run_step(hello_spec(on_store, fresh=True, execution_id="run/shots/1"), step.definition, on_store)
    assert (fresh.attempt, fresh.compared.verdict, fresh.outputs) == (2, Verdict.AGREES, first.outputs)


def test_a_lost_object_is_made_again_and_what_a_killed_publication_left_is_gone(on_store):
    vault, step = Vault(on_store.vault_root), Counting()
    first = run_step(hello_spec(on_store), step.definition, on_store)
    folder = f"vault:reels/reel-1/shots/{first.signature}"
    vault.path(first.output("text").uri).unlink()
    vault.write_bytes(f"{folder}/a002/half.bin", b"half")
    second = run_step(hello_spec(on_store, execution_id="run/shots/1"), step.definition, on_store)
    assert (step.times, second.attempt) == (2, 2)
    assert not vault.path(f"{folder}/a002/half.bin").exists()
    assert vault.verify(second.output("text"))


def test_bytes_lost_in_the_store_are_seen_and_mended(on_store, tmp_path):
    vault, step = Vault(on_store.vault_root), Counting()
    first = run_step(hello_spec(on_store), step.definition, on_store)
    text = first.output("text")
    vault.write_bytes(text.uri, b"hellO")
    with pytest.raises(SourceChanged, match="has changed since it was recorded"):
        vault.fetch(text, tmp_path)
    again = run_step(hello_spec(on_store, fresh=True, execution_id="run/shots/1"), step.definition, on_store)
    assert "was damaged on the disk" in again.warnings[0]
    assert vault.verify(text)


def test_a_large_file_goes_up_in_parts_and_comes_back_the_same(on_store, tmp_path, monkeypatch):
    content = os.urandom(MIB) * 21
    monkeypatch.setattr(vaults, "PART_BYTES", 5 * MIB)  # the least S3 takes

    def large(work) -> None:
        work.output("text", "large.bin", media_type="application/octet-stream").write_bytes(content)

    result = run_step(hello_spec(on_store), StepDefinition(StepName.SHOTS, "1", large), on_store)
    vault, large_file = Vault(on_store.vault_root), result.output("text")
    info = vault.path(large_file.uri).fs.info(vault.path(large_file.uri).path)
    assert info["ETag"].rpartition("-")[2].strip('"') == "5", "its tag says of how many parts it is made"
    fetched = vault.fetch(large_file, tmp_path)
    assert fetched.read_bytes() == content
    vault.path(large_file.uri).unlink()
    assert vault.fetch(large_file, tmp_path) == fetched, "it was fetched once"
    fetched.unlink()
    with pytest.raises(VaultError, match="not in the vault"):
        vault.fetch(large_file, tmp_path)
    assert not list((tmp_path / "fetched").iterdir())


def test_work_killed_in_publishing_leaves_no_result_and_is_worked_again(on_store, monkeypatch):
    vault, step = Vault(on_store.vault_root), Counting()

    def broken(self, file, uri):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken_off:
        broken_off.setattr(Vault, "_put", broken)
        with pytest.raises(KeyboardInterrupt):
            run_step(hello_spec(on_store), step.definition, on_store)
    assert not names(vault)
    assert run_step(hello_spec(on_store), step.definition, on_store).attempt == 1
    assert step.times == 2


@pytest.mark.parametrize("wrong", ["bucket", "address"])
def test_a_store_that_is_not_there_is_said_in_words(on_store, monkeypatch, wrong):
    if wrong == "bucket":
        settings = on_store.model_copy(update={"vault": "s3://no-such-bucket/archive"})
    else:
        import s3fs

        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        s3fs.S3FileSystem.clear_instance_cache()
        settings = on_store
    with pytest.raises(VaultError) as failure:
        run_step(hello_spec(settings), Counting().definition, settings)
    said = str(failure.value)
    assert "reel reel-1" in said
    assert "object store" in said
    assert "Next: check its address, the bucket, the keys" in said
