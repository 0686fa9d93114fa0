"""An exported draft goes to the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from adaspec import AdaspecError

TOKEN = "Make one that may write at huggingface.co/settings/tokens, and set HF_TOKEN."
REFUSED = {
    401: f"the Hub does not know this token. {TOKEN}",
    403: f"this token may not write there. {TOKEN}",
}


def require(repo: str) -> None:
    """Refuse before the export what would be refused after it.

    Args:
        repo: `OWNER/NAME`.

    Raises:
        AdaspecError: it is no such name, there is no token or a wrong one, or no Hub to be reached.
    """
    if repo.count("/") != 1:
        raise AdaspecError(f"--push {repo}: write OWNER/NAME.")
    with _explained(repo):
        validate_repo_id(repo)
        HfApi().whoami()


def push(folder: Path, repo: str) -> str:
    """Upload an export with its card; the repository is made where there is none.

    Returns:
        Its address.

    Raises:
        AdaspecError: as `require`, or others own it.
    """
    with _explained(repo):
        address = HfApi().create_repo(repo, exist_ok=True)
        HfApi().upload_folder(repo_id=repo, folder_path=folder, commit_message="Export a draft")
    return str(address)


@contextmanager
def _explained(repo: str) -> Iterator[None]:
    """What the Hub's client raises, as a line."""
    try:
        yield
    except HFValidationError as error:
        raise AdaspecError(f"--push {repo}: {error}") from None
    except LocalTokenNotFoundError:
        raise AdaspecError(f"--push {repo}: there is no token. {TOKEN}") from None
    except HfHubHTTPError as error:
        why = REFUSED.get(error.response.status_code, str(error))
        raise AdaspecError(f"--push {repo}: {why}") from None
    except Exception as error:  # of a client that its releases change: no network, a proxy, a disk
        why = f"the Hub cannot be reached: {error}"
        raise AdaspecError(f"--push {repo}: {why}") from None
