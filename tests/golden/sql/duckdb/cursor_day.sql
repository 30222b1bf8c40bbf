select count(*) from (select 1 as one from "shop"."orders" where ("day" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("day" >= cast('2026-01-31' as DATE)) and ("day" is not null) and ("day" <= cast('2026-11-25' as DATE)) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where (cast('2026-01-31' as DATE) > cast('2026-11-25' as DATE)) limit 1) connector_count;

select "id" as connector_0, "day" as connector_1 from "shop"."orders" where ("day" is not null) and ("day" <= cast('2026-11-25' as DATE)) and ("day" >= cast('2026-01-31' as DATE) and ("day" > cast('2026-01-31' as DATE) or ("day" = cast('2026-01-31' as DATE) and "id" > cast('9007199254740993' as BIGINT)))) order by "day", "id";

select "id" as connector_0, "day" as connector_1 from "shop"."orders" where ("day" is not null) and ("day" > cast('2026-11-25' as DATE)) and ("day" >= cast('2026-01-31' as DATE) and ("day" > cast('2026-01-31' as DATE) or ("day" = cast('2026-01-31' as DATE) and "id" > cast('9007199254740993' as BIGINT)))) order by "day", "id";

select count(*) from (select 1 as one from "shop"."orders" where ("day" >= cast('2026-01-31' as DATE)) limit 1) connector_count;
