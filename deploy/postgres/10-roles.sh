#!/bin/sh
# Runs once, when the database's volume is empty: the two roles of Nest Egg. `nestegg` owns the
# tables, migrates and restores; `nestegg_app` is what the server uses. It owns nothing and is no
# superuser, so that row-level security holds it.
set -e

# The passwords are read by psql itself: they stand on no command line.
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -v database="$POSTGRES_DB" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set owner_password `cat /run/secrets/db_owner_password`
\set app_password `cat /run/secrets/db_app_password`
-- CREATEDB: a backup is verified by restoring it into a database of its own.
CREATE ROLE nestegg LOGIN CREATEDB PASSWORD :'owner_password';
CREATE ROLE nestegg_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS
    PASSWORD :'app_password';
ALTER DATABASE :"database" OWNER TO nestegg;
REVOKE CONNECT, TEMPORARY ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO nestegg_app;
SQL
