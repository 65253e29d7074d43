"""The HTML report: all studies on one page, with the verdicts on their claims."""
