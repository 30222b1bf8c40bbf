select count(*) from (select 1 as one from "shop"."orders" where ("moved" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("moved" >= cast('2026-01-31 06:00:00.123456' as TIMESTAMP)) and ("moved" is not null) and ("moved" <= cast('2026-11-25 12:00:00.123456' as TIMESTAMP)) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where (cast('2026-01-31 06:00:00.123456' as TIMESTAMP) > cast('2026-11-25 12:00:00.123456' as TIMESTAMP)) limit 1) connector_count;

select "id" as connector_0, "moved" as connector_1 from "shop"."orders" where ("moved" is not null) and ("moved" <= cast('2026-11-25 12:00:00.123456' as TIMESTAMP)) and ("moved" >= cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and ("moved" > cast('2026-01-31 06:00:00.123456' as TIMESTAMP) or ("moved" = cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and "id" > cast('9007199254740993' as BIGINT)))) order by "moved", "id";

select "id" as connector_0, "moved" as connector_1 from "shop"."orders" where ("moved" is not null) and ("moved" > cast('2026-11-25 12:00:00.123456' as TIMESTAMP)) and ("moved" >= cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and ("moved" > cast('2026-01-31 06:00:00.123456' as TIMESTAMP) or ("moved" = cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and "id" > cast('9007199254740993' as BIGINT)))) order by "moved", "id";

select count(*) from (select 1 as one from "shop"."orders" where ("moved" >= cast('2026-01-31 06:00:00.123456' as TIMESTAMP)) limit 1) connector_count;
