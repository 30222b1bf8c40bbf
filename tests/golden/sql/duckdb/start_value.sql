select cast('2026-01-01T00:00:00' as TIMESTAMP) is null;

select count(*) from (select 1 as one from "shop"."orders" where ("moved" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("moved" is not null) and ("moved" < cast('2026-11-24 11:59:00.123456' as TIMESTAMP)) limit 100001) connector_count;

select "id" as connector_0, "moved" as connector_1 from "shop"."orders" where ("moved" is not null) and ("moved" < cast('2026-11-24 11:59:00.123456' as TIMESTAMP)) and ("moved" >= cast('2026-01-01T00:00:00' as TIMESTAMP)) order by "moved", "id";

select "id" as connector_0, "moved" as connector_1 from "shop"."orders" where ("moved" is not null) and ("moved" >= cast('2026-01-01T00:00:00' as TIMESTAMP)) and ("moved" > cast('2026-11-25 12:00:00.123456' as TIMESTAMP)) order by "moved", "id";
