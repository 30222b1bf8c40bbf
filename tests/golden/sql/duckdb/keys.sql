select cast('1' as BIGINT) is null, cast('9007199254740993' as BIGINT) is null;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from "shop"."orders" where ("moved" <= cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and not ("moved" >= cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and ("moved" > cast('2026-01-31 06:00:00.123456' as TIMESTAMP) or ("moved" = cast('2026-01-31 06:00:00.123456' as TIMESTAMP) and "id" > cast('9007199254740993' as BIGINT))))) and ("id" in (cast('1' as BIGINT), cast('9007199254740993' as BIGINT))) order by "moved", "id";
