select count(*) from (select 1 as one from "shop"."orders" where ("moved" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("moved" is not null) and ("moved" < timestamp '2026-11-24 11:59:00.123456') limit 100001) connector_count;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("moved" is not null) and ("moved" < timestamp '2026-11-24 11:59:00.123456') order by "moved", "id" limit 2001;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("moved" is not null) and ("moved" > timestamp '2026-11-25 12:00:00.123456') order by "moved", "id" limit 2001;
