select min("moved") from (select * from shop.orders
) connector_query;

select max("moved") from (select * from shop.orders
) connector_query;

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("moved" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("id" is null) and ("moved" >= '2026-01-31 06:00:00.123456') and ("moved" is not null) and ("moved" <= '2026-01-31 06:00:00.123456') limit 100001) connector_count;

select "id" as connector_0, "region" as connector_1, "moved" as connector_2 from (select * from shop.orders
) connector_query where ("moved" is not null) and ("moved" <= '2026-01-31 06:00:00.123456') and (("moved", "id") > ('2026-01-31 06:00:00.123456', 9007199254740993)) order by "moved", "id";

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("moved" >= '2026-01-31 06:00:00.123456') limit 1) connector_count;
