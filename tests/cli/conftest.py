import pytest

from semrouter_extproc.cli.app import main
from support.commands import Command, Result


@pytest.fixture
def semrouter(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process, which loads the encoder's libraries only once."""

    def run(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as exit_:
            main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return Result(int(exit_.value.code or 0), captured.out, captured.err)

    return run
