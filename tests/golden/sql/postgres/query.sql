select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("moved" is null or "moved" in ('-infinity', 'infinity')) limit 100001) connector_count;

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("id" is null) and ("moved" >= '2026-01-31 06:00:00.123456'::timestamp without time zone) and ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" <= '2026-11-25 12:00:00.123456'::timestamp without time zone) limit 100001) connector_count;

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ('2026-01-31 06:00:00.123456'::timestamp without time zone > '2026-11-25 12:00:00.123456'::timestamp without time zone) limit 1) connector_count;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from (select * from shop.orders
) connector_query where ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" <= '2026-11-25 12:00:00.123456'::timestamp without time zone) and (("moved", "id") > ('2026-01-31 06:00:00.123456'::timestamp without time zone, '9007199254740993'::bigint)) order by "moved", "id";

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from (select * from shop.orders
) connector_query where ("moved" is not null) and ("moved" > '-infinity' and "moved" < 'infinity') and ("moved" > '2026-11-25 12:00:00.123456'::timestamp without time zone) and (("moved", "id") > ('2026-01-31 06:00:00.123456'::timestamp without time zone, '9007199254740993'::bigint)) order by "moved", "id";

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("moved" >= '2026-01-31 06:00:00.123456'::timestamp without time zone) limit 1) connector_count;
