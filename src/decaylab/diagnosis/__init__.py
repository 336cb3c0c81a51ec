"""Why a run is bad: what its record shows, rule by rule, beside the runs that can be compared with it."""
