"""What can be asked for and what is recorded, as data: one row a fact. Standard library only.

`settings` (`TrainConfig`), `models`, `losses`, `metrics`: a row each. From the rows follow the options of `train`, its
checks, what a record holds (`keys`), what a table can show (`fields`), the commands that are printed and the tables in
docs/.
"""
