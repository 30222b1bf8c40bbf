select count(*) from (select 1 as one from "shop"."orders" where ("zoned" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("zoned" >= cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE)) and ("zoned" is not null) and ("zoned" <= cast('2026-11-25 12:00:00.123456Z' as TIMESTAMP WITH TIME ZONE)) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where (cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE) > cast('2026-11-25 12:00:00.123456Z' as TIMESTAMP WITH TIME ZONE)) limit 1) connector_count;

select "id" as connector_0, "zoned" as connector_1 from "shop"."orders" where ("zoned" is not null) and ("zoned" <= cast('2026-11-25 12:00:00.123456Z' as TIMESTAMP WITH TIME ZONE)) and ("zoned" >= cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE) and ("zoned" > cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE) or ("zoned" = cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE) and "id" > cast('9007199254740993' as BIGINT)))) order by "zoned", "id";

select "id" as connector_0, "zoned" as connector_1 from "shop"."orders" where ("zoned" is not null) and ("zoned" > cast('2026-11-25 12:00:00.123456Z' as TIMESTAMP WITH TIME ZONE)) and ("zoned" >= cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE) and ("zoned" > cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE) or ("zoned" = cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE) and "id" > cast('9007199254740993' as BIGINT)))) order by "zoned", "id";

select count(*) from (select 1 as one from "shop"."orders" where ("zoned" >= cast('2026-01-31 06:00:00.123456Z' as TIMESTAMP WITH TIME ZONE)) limit 1) connector_count;
