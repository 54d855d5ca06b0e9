"""What Reelkeeper shows inside Airflow's UI."""
