"""The graph compiler: functions are traced into Nodes, the Nodes made into a plan, the plan replayed."""
