-- The two databases and who connects to them, once, as the server's superuser. Safe to repeat; passwords are set anew.
--
--     REELKEEPER_AIRFLOW_PASSWORD=… REELKEEPER_OWNER_PASSWORD=… REELKEEPER_WRITER_PASSWORD=… \
--         psql "$SUPERUSER_URL" -v ON_ERROR_STOP=1 -f docker/databases.sql
--
--   airflow              Airflow's components; owns Airflow's database, sees nothing of the catalogue
--   reelkeeper_upgrade   `reelkeeper database upgrade` alone; acts as the tables' owner
--   reelkeeper_worker    tasks, triggers, pages; may add to the record and not change it
--
-- The three roles without login are those of sql/0001/roles.sql, made here so that an upgrade need not make roles.
\set ON_ERROR_STOP on
\getenv airflow_password REELKEEPER_AIRFLOW_PASSWORD
\getenv owner_password REELKEEPER_OWNER_PASSWORD
\getenv writer_password REELKEEPER_WRITER_PASSWORD
\if :{?airflow_database} \else \set airflow_database airflow \endif
\if :{?catalogue} \else \set catalogue reelkeeper \endif

SELECT format('CREATE ROLE %I %s', name, kind)
  FROM (VALUES ('reelkeeper_owner', 'NOLOGIN'), ('reelkeeper_writer', 'NOLOGIN'), ('reelkeeper_reader', 'NOLOGIN'),
               ('airflow', 'LOGIN'), ('reelkeeper_upgrade', 'LOGIN'), ('reelkeeper_worker', 'LOGIN')) AS wanted (name, kind)
 WHERE to_regrole(name) IS NULL
\gexec
GRANT reelkeeper_owner TO reelkeeper_upgrade;
GRANT reelkeeper_writer TO reelkeeper_worker;
-- Not in the server's log, should it keep statements.
SET log_statement = 'none';
ALTER ROLE airflow PASSWORD :'airflow_password';
ALTER ROLE reelkeeper_upgrade PASSWORD :'owner_password';
ALTER ROLE reelkeeper_worker PASSWORD :'writer_password';
RESET log_statement;

SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
  FROM (VALUES (:'airflow_database', 'airflow'), (:'catalogue', 'reelkeeper_upgrade')) AS wanted (name, owner)
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name)
\gexec
REVOKE ALL ON DATABASE :"airflow_database" FROM PUBLIC;
REVOKE ALL ON DATABASE :"catalogue" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"catalogue" TO reelkeeper_worker, reelkeeper_reader;
