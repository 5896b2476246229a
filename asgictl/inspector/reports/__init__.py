"""What was found of an app, as a report: for people, and for the programs that collect what checks have found."""
