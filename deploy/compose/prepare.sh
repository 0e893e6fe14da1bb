#!/bin/sh
# Make what compose.yaml needs beside it: the passwords that its services use among themselves, as
# files in secrets/, and the folder backups/. What is there already is left alone: running this
# twice changes nothing.
#
#   sh deploy/compose/prepare.sh
set -eu

# Owner and group may read: the containers are in that group (SECRETS_GROUP), and in no other.
umask 027
mkdir -p secrets backups

make_once() { # NAME: take what comes in, unless the file is there
    if [ -s "secrets/$1" ]; then
        return
    fi
    cat > "secrets/$1.new"
    mv "secrets/$1.new" "secrets/$1"
    echo "made secrets/$1"
}

for name in db_superuser_password db_owner_password db_app_password redis_password; do
    openssl rand -hex 24 | make_once "$name"
done

database=@db:5432/nestegg_prod
printf 'postgresql://nestegg_app:%s%s\n' "$(cat secrets/db_app_password)" "$database" \
    | make_once database_url
printf 'postgresql://nestegg:%s%s\n' "$(cat secrets/db_owner_password)" "$database" \
    | make_once database_admin_url
printf 'redis://:%s@redis:6379/0\n' "$(cat secrets/redis_password)" | make_once redis_url
printf 'requirepass %s\n' "$(cat secrets/redis_password)" | make_once redis.conf
