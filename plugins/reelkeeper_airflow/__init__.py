"""What Reelkeeper adds to Airflow: step operators, pages, and the one-machine stack behind `make up`."""
