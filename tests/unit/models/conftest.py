"""Settings of the property tests: no deadlines (the machine is shared), and a failure prints how to repeat it."""

from hypothesis import settings

settings.register_profile("unit", deadline=None, print_blob=True, max_examples=60)
settings.load_profile("unit")
