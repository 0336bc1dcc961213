"""The command line: `ebbwatch COMMAND`."""

import click

from agents.commands.case import case
from agents.commands.config import config_
from agents.commands.customer import customer
from agents.commands.dead_letters import dead_letters
from agents.commands.demo import demo
from agents.commands.explain import explain
from agents.commands.lag import lag
from agents.commands.learn import learn
from agents.commands.model import model
from agents.commands.notify import notify
from agents.commands.policies import policies
from agents.commands.publish import publish
from agents.commands.recorded import import_recorded
from agents.commands.run import run
from agents.commands.schema import schema
from agents.commands.simulate import simulate
from agents.commands.sla import sla
from agents.commands.status import status
from agents.commands.topics import topics
from agents.commands.verify import verify
from agents.commands.webhooks import webhooks
from agents.commands.worker import worker


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="ebbwatch")
def main() -> None:
    """Watch a bank's customers ebb away while it can still be stopped."""


for command in (
    run,
    worker,
    notify,
    learn,
    model,
    webhooks,
    demo,
    status,
    customer,
    explain,
    case,
    verify,
    simulate,
    import_recorded,
    schema,
    policies,
    sla,
    topics,
    publish,
    dead_letters,
    lag,
    config_,
):
    main.add_command(command)
