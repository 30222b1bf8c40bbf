select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([zoned] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) and ([zoned] >= cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7))) and ([zoned] is not null) and ([zoned] <= cast('2026-11-25T12:00:00.123456+00:00' as datetimeoffset(7))) ) connector_count;

select count(*) from (select top (1) 1 as one from [shop].[orders] where (cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7)) > cast('2026-11-25T12:00:00.123456+00:00' as datetimeoffset(7))) ) connector_count;

select [id] as connector_0, convert(varchar(27), cast(switchoffset([zoned], '+00:00') as datetime2(7)), 126) as connector_1 from [shop].[orders] where ([zoned] is not null) and ([zoned] <= cast('2026-11-25T12:00:00.123456+00:00' as datetimeoffset(7))) and ([zoned] >= cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7)) and ([zoned] > cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7)) or ([zoned] = cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7)) and [id] > 9007199254740993))) order by [zoned], [id] offset 0 rows fetch next 2001 rows only;

select [id] as connector_0, convert(varchar(27), cast(switchoffset([zoned], '+00:00') as datetime2(7)), 126) as connector_1 from [shop].[orders] where ([zoned] is not null) and ([zoned] > cast('2026-11-25T12:00:00.123456+00:00' as datetimeoffset(7))) and ([zoned] >= cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7)) and ([zoned] > cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7)) or ([zoned] = cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7)) and [id] > 9007199254740993))) order by [zoned], [id] offset 0 rows fetch next 2001 rows only;

select count(*) from (select top (1) 1 as one from [shop].[orders] where ([zoned] >= cast('2026-01-31T06:00:00.123456+00:00' as datetimeoffset(7))) ) connector_count;
