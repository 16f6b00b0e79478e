"""``tf.data.Options``: accepted and kept; none of the settings changes what a pipeline gives here."""

from microdl.data.node import Step

SETTINGS = {
    "autotune": ("autotune_algorithm", "cpu_budget", "enabled", "initial_parallelism", "min_parallelism", "ram_budget"),
    "experimental_distribute": ("auto_shard_policy", "num_devices"),
    "experimental_optimization": (
        "apply_default_optimizations", "filter_fusion", "filter_parallelization", "inject_prefetch",
        "map_and_batch_fusion", "map_and_filter_fusion", "map_fusion", "map_parallelization", "noop_elimination",
        "parallel_batch", "seq_interleave_prefetch", "shuffle_and_repeat_fusion",
    ),
    "threading": ("max_intra_op_parallelism", "private_threadpool_size"),
}  # fmt: skip
SINGLE = (
    "dataset_name", "deterministic", "experimental_external_state_policy", "experimental_slack",
    "experimental_symbolic_checkpoint", "experimental_warm_start", "framework_type",
)  # fmt: skip
ALIASES = {"experimental_deterministic": "deterministic", "experimental_threading": "threading"}


class _Settings:
    """Attributes with fixed names, None until they are set."""

    def __init__(self, names):
        object.__setattr__(self, "_values", dict.fromkeys(names))

    def __getattr__(self, name: str):
        name = str(ALIASES.get(name, name))
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"{type(self).__name__} has no setting {name!r}; there are {', '.join(self._values)}")
        return self._values[name]

    def __setattr__(self, name, value):
        name = ALIASES.get(name, name)
        if name not in self._values:
            raise AttributeError(f"Cannot set the property {name} on {type(self).__name__}.")
        self._values[name] = value

    def __eq__(self, other):
        return type(other) is type(self) and self._values == other._values

    def __hash__(self):
        raise TypeError(f"{type(self).__name__} can change, so it is unhashable")

    def __repr__(self):
        given = ", ".join(f"{name}={value!r}" for name, value in self._values.items() if value is not None)
        return f"{type(self).__name__.lstrip('_')}({given})"


class ThreadingOptions(_Settings):
    """``options.threading``."""

    def __init__(self):
        super().__init__(SETTINGS["threading"])


class Options(_Settings):
    """Settings of a pipeline for ``Dataset.with_options``, by TensorFlow's names. They are kept, and change nothing.

    >>> options = Options()
    >>> options.deterministic = True
    >>> options.threading.private_threadpool_size = 2
    """

    def __init__(self):
        super().__init__((*SINGLE, *SETTINGS))
        for group, names in SETTINGS.items():
            setattr(self, group, ThreadingOptions() if group == "threading" else _Settings(names))

    def merge(self, options):
        """Options with the settings of both; the other's where both are set. Raises TypeError if it is no Options."""
        if not isinstance(options, Options):
            raise TypeError(f"Options are expected, got {options!r}")
        merged = Options()
        for source in (self, options):
            for name in SINGLE:
                if getattr(source, name) is not None:
                    setattr(merged, name, getattr(source, name))
            for group, names in SETTINGS.items():
                for name in names:
                    if getattr(getattr(source, group), name) is not None:
                        setattr(getattr(merged, group), name, getattr(getattr(source, group), name))
        return merged


class WithOptions(Step):
    """The same elements."""

    name = "_OptionsDataset"

    def __init__(self, source, options):
        super().__init__(source)
        self.options = options

    def iterate(self):
        return self.source.iterate()
