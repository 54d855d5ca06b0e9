"""The one-machine stack: embedded Postgres and Airflow's four processes, on loopback, in one home folder."""
