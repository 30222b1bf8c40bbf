select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([version] is null) ) connector_count;

select count(*) from (select top (100001) 1 as one from [shop].[orders] where ([id] is null) and ([version] >= 0x00000000000007d1) and ([version] is not null) ) connector_count;

select [id] as connector_0, [version] as connector_1 from [shop].[orders] where ([version] is not null) and ([version] >= 0x00000000000007d1 and ([version] > 0x00000000000007d1 or ([version] = 0x00000000000007d1 and [id] > 9007199254740993))) order by [version], [id] offset 0 rows fetch next 2001 rows only;

select count(*) from (select top (1) 1 as one from [shop].[orders] where ([version] >= 0x00000000000007d1) ) connector_count;
