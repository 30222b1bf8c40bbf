select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("MOVED" is null) limit 100001) connector_count;

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("ID" is null) and ("MOVED" >= '2026-01-31 06:00:00.123456'::timestamp_ntz(9)) and ("MOVED" is not null) and ("MOVED" <= '2026-11-25 12:00:00.123456'::timestamp_ntz(9)) limit 100001) connector_count;

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ('2026-01-31 06:00:00.123456'::timestamp_ntz(9) > '2026-11-25 12:00:00.123456'::timestamp_ntz(9)) limit 1) connector_count;

select "ID" as connector_0, "REGION" as connector_1, to_varchar("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from (select * from shop.orders
) connector_query where ("MOVED" is not null) and ("MOVED" <= '2026-11-25 12:00:00.123456'::timestamp_ntz(9)) and ("MOVED" >= '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and ("MOVED" > '2026-01-31 06:00:00.123456'::timestamp_ntz(9) or ("MOVED" = '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and "ID" > 9007199254740993))) order by "MOVED", "ID";

select "ID" as connector_0, "REGION" as connector_1, to_varchar("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from (select * from shop.orders
) connector_query where ("MOVED" is not null) and ("MOVED" > '2026-11-25 12:00:00.123456'::timestamp_ntz(9)) and ("MOVED" >= '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and ("MOVED" > '2026-01-31 06:00:00.123456'::timestamp_ntz(9) or ("MOVED" = '2026-01-31 06:00:00.123456'::timestamp_ntz(9) and "ID" > 9007199254740993))) order by "MOVED", "ID";

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("MOVED" >= '2026-01-31 06:00:00.123456'::timestamp_ntz(9)) limit 1) connector_count;
