"""`semrouter doctor`: asks every server of every model whether its reasoning switch works."""

from semrouter_extproc.workbench.doctor.examination import Finding, Report, examine

__all__ = ["Finding", "Report", "examine"]
