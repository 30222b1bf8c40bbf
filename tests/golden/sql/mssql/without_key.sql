select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([moved] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([moved] > cast('2026-11-25T12:00:00.123456' as datetime2(7))) ) connector_count;

select [id] as connector_0, convert(varchar(27), [moved], 126) as connector_1 from [shop].[orders] where ([moved] is not null) and ([moved] <= cast('2026-11-25T12:00:00.123456' as datetime2(7))) and ([moved] > cast('2026-01-31T06:00:00.123456' as datetime2(7))) and ([moved] <= cast('2026-01-31T06:00:00.123456' as datetime2(7))) order by [moved];

select [id] as connector_0, convert(varchar(27), [moved], 126) as connector_1 from [shop].[orders] where ([moved] is not null) and ([moved] <= cast('2026-11-25T12:00:00.123456' as datetime2(7))) and ([moved] > cast('2026-01-31T06:00:00.123456' as datetime2(7))) order by [moved];

select count(*) from (select top (1) 1 as one from [shop].[orders] where ([moved] >= cast('2026-01-31T06:00:00.123456' as datetime2(7))) ) connector_count;
