"""`python -m deploy.local up | down | ps | logs | restart`"""

import argparse
import sys

from deploy.local import pipeline
from deploy.local.places import Missing
from deploy.local.supervision import SupervisorError


def main() -> int:
    """Runs one command; what goes wrong is one message, and exit status 1."""
    arguments = _parser().parse_args()
    try:
        match arguments.command:
            case "up":
                only = [name for name in arguments.only.split(",") if name]
                pipeline.up(only=only, reload=arguments.reload)
            case "down":
                pipeline.down()
            case "ps":
                pipeline.ps()
            case "logs":
                pipeline.logs(arguments.names)
            case "restart":
                pipeline.restart(arguments.names)
    except (pipeline.Failed, Missing, SupervisorError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="The pipeline on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and wait until it is ready")
    up.add_argument("--only", default="", metavar="NAME,NAME", help="only these processes")
    up.add_argument("--reload", action="store_true", help="restart processes when the code changes")
    commands.add_parser("down", help="stop everything")
    commands.add_parser("ps", help="one line a process: name pid state")
    commands.add_parser("logs", help="follow the logs").add_argument("names", nargs="*")
    commands.add_parser("restart", help="stop and start some processes").add_argument("names", nargs="+")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
