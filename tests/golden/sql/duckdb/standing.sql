select cast('1' as BIGINT) is null;

select count(*) from (select 1 as one from "shop"."orders" where ("id" in (cast('1' as BIGINT))) limit 2) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" in (cast('1' as BIGINT))) and ("moved" <= cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and not ("moved" >= cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and ("moved" > cast('2026-01-31 06:00:00.123456' as TIMESTAMP) or ("moved" = cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and "id" > cast('9007199254740993' as BIGINT))))) limit 2) connector_count;
