select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([day] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) and ([day] >= cast('2026-01-31' as date)) and ([day] is not null) and ([day] <= cast('2026-11-25' as date)) ) connector_count;

select count(*) from (select top (1) 1 as one from [shop].[orders] where (cast('2026-01-31' as date) > cast('2026-11-25' as date)) ) connector_count;

select [id] as connector_0, [day] as connector_1 from [shop].[orders] where ([day] is not null) and ([day] <= cast('2026-11-25' as date)) and ([day] >= cast('2026-01-31' as date) and ([day] > cast('2026-01-31' as date) or ([day] = cast('2026-01-31' as date) and [id] > 9007199254740993))) order by [day], [id] offset 0 rows fetch next 2001 rows only;

select [id] as connector_0, [day] as connector_1 from [shop].[orders] where ([day] is not null) and ([day] > cast('2026-11-25' as date)) and ([day] >= cast('2026-01-31' as date) and ([day] > cast('2026-01-31' as date) or ([day] = cast('2026-01-31' as date) and [id] > 9007199254740993))) order by [day], [id] offset 0 rows fetch next 2001 rows only;

select count(*) from (select top (1) 1 as one from [shop].[orders] where ([day] >= cast('2026-01-31' as date)) ) connector_count;
