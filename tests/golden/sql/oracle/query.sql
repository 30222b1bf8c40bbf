select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("MOVED" is null) fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("ID" is null) and ("MOVED" >= timestamp '2026-01-31 06:00:00.123456') and ("MOVED" is not null) and ("MOVED" <= timestamp '2026-11-25 12:00:00.123456') fetch first 100001 rows only) connector_count;

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where (timestamp '2026-01-31 06:00:00.123456' > timestamp '2026-11-25 12:00:00.123456') fetch first 1 rows only) connector_count;

select "ID" as connector_0, "REGION" as connector_1, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from (select * from shop.orders
) connector_query where ("MOVED" is not null) and ("MOVED" <= timestamp '2026-11-25 12:00:00.123456') and ("MOVED" >= timestamp '2026-01-31 06:00:00.123456' and ("MOVED" > timestamp '2026-01-31 06:00:00.123456' or ("MOVED" = timestamp '2026-01-31 06:00:00.123456' and "ID" > 9007199254740993))) order by "MOVED", "ID";

select "ID" as connector_0, "REGION" as connector_1, to_char("MOVED", 'YYYY-MM-DD HH24:MI:SS.FF9') as connector_2 from (select * from shop.orders
) connector_query where ("MOVED" is not null) and ("MOVED" > timestamp '2026-11-25 12:00:00.123456') and ("MOVED" >= timestamp '2026-01-31 06:00:00.123456' and ("MOVED" > timestamp '2026-01-31 06:00:00.123456' or ("MOVED" = timestamp '2026-01-31 06:00:00.123456' and "ID" > 9007199254740993))) order by "MOVED", "ID";

select count(*) from (select 1 as one from (select * from shop.orders
) connector_query where ("MOVED" >= timestamp '2026-01-31 06:00:00.123456') fetch first 1 rows only) connector_count;
