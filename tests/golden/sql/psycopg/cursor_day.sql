select count(*) from (select 1 as one from "shop"."orders" where ("day" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where ("id" is null) and ("day" >= date '2026-01-31') and ("day" is not null) and ("day" <= date '2026-11-25') limit 100001) connector_count;

select count(*) from (select 1 as one from "shop"."orders" where (date '2026-01-31' > date '2026-11-25') limit 1) connector_count;

select "id" as connector_0, "day" as connector_1 from "shop"."orders" where ("day" is not null) and ("day" <= date '2026-11-25') and (("day", "id") > (date '2026-01-31', 9007199254740993)) order by "day", "id" limit 2001;

select "id" as connector_0, "day" as connector_1 from "shop"."orders" where ("day" is not null) and ("day" > date '2026-11-25') and (("day", "id") > (date '2026-01-31', 9007199254740993)) order by "day", "id" limit 2001;

select count(*) from (select 1 as one from "shop"."orders" where ("day" >= date '2026-01-31') limit 1) connector_count;
