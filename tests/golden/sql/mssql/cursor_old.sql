select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([old] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) and ([old] >= cast('2026-01-31T06:00:00' as datetime)) and ([old] is not null) and ([old] <= cast('2026-11-25T12:00:00.123' as datetime)) ) connector_count;

select count(*) from (select top (1) 1 as one from [shop].[orders] where (cast('2026-01-31T06:00:00' as datetime) > cast('2026-11-25T12:00:00.123' as datetime)) ) connector_count;

select [id] as connector_0, convert(varchar(27), [old], 126) as connector_1 from [shop].[orders] where ([old] is not null) and ([old] <= cast('2026-11-25T12:00:00.123' as datetime)) and ([old] >= cast('2026-01-31T06:00:00' as datetime) and ([old] > cast('2026-01-31T06:00:00' as datetime) or ([old] = cast('2026-01-31T06:00:00' as datetime) and [id] > 9007199254740993))) order by [old], [id] offset 0 rows fetch next 2001 rows only;

select [id] as connector_0, convert(varchar(27), [old], 126) as connector_1 from [shop].[orders] where ([old] is not null) and ([old] > cast('2026-11-25T12:00:00.123' as datetime)) and ([old] >= cast('2026-01-31T06:00:00' as datetime) and ([old] > cast('2026-01-31T06:00:00' as datetime) or ([old] = cast('2026-01-31T06:00:00' as datetime) and [id] > 9007199254740993))) order by [old], [id] offset 0 rows fetch next 2001 rows only;

select count(*) from (select top (1) 1 as one from [shop].[orders] where ([old] >= cast('2026-01-31T06:00:00' as datetime)) ) connector_count;
