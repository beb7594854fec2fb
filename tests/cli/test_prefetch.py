"""`emotion prefetch`: what the cluster's one job with a way out does."""

from pathlib import Path

from emotion.weights.catalog import PRETRAINED
from tests.data.test_fetch import REPOSITORY, ROWS, parquet
from tests.hub import TOY_FILES, Repository, run, serving

ALBERT = "albert/albert-base-v2"


def hub(tmp_path: Path) -> dict[str, Repository]:
    """Give the data set, and weights without published digests."""
    files = {f"split/{split}-00000-of-00001.parquet": parquet(tmp_path, rows) for split, rows in ROWS.items()}
    return {REPOSITORY: Repository(files), f"/{ALBERT}": Repository(TOY_FILES, PRETRAINED[ALBERT].revision)}


def test_data_and_the_weights_of_the_named_models_are_fetched_once(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with serving(hub(tmp_path)) as server:
        first = run(server.endpoint, tmp_path / "cache", "prefetch", "ann", "albert", "--store", str(store))
        assert first.returncode == 0, first.stderr
        before = len(server.gets())
        again = run(server.endpoint, tmp_path / "cache", "prefetch", "albert", "--store", str(store))
        assert again.returncode == 0, again.stderr
        assert len(server.gets()) == before
    assert "nothing to do" in again.stderr
    assert (store / "data" / "emotion" / "train.txt").is_file()
    assert (store / "weights" / ALBERT / "model.safetensors").read_bytes() == TOY_FILES["model.safetensors"]


def test_models_without_weights_need_the_data_alone(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with serving(hub(tmp_path)) as server:
        done = run(server.endpoint, tmp_path / "cache", "prefetch", "ann", "lstm", "--store", str(store))
    assert done.returncode == 0, done.stderr
    assert (store / "data" / "emotion" / "test.txt").is_file()
    assert not (store / "weights").exists()


def test_own_data_is_left_alone_and_no_hub_is_69(tmp_path: Path) -> None:
    store = tmp_path / "store"
    nothing = run("http://127.0.0.1:9", tmp_path / "cache", "prefetch", "ann", "--no-data", "--store", str(store))
    assert nothing.returncode == 0, nothing.stderr
    done = run("http://127.0.0.1:9", tmp_path / "cache", "prefetch", "--store", str(store))
    assert done.returncode == 69
    assert "Traceback" not in done.stderr


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run("http://127.0.0.1:9", tmp_path / "cache", "prefetch", "gpt", "--store", str(tmp_path))
    assert done.returncode == 2
    assert "unknown model 'gpt'" in done.stderr
