select count(*) from (select 1 as one from "shop"."orders" where ("version" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("version" >= '\x00000000000007d1'::bytea) and ("version" is not null) limit 100001) connector_count;

select "id" as connector_0, "version" as connector_1 from "shop"."orders" where ("version" is not null) and (("version", "id") > ('\x00000000000007d1'::bytea, '9007199254740993'::bigint)) order by "version", "id" limit 2001;

select count(*) from (select 1 as one from "shop"."orders" where ("version" >= '\x00000000000007d1'::bytea) limit 1) connector_count;
