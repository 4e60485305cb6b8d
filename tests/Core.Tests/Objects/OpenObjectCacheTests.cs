using Microsoft.Win32.SafeHandles;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Tests.Objects;

public sealed class OpenObjectCacheTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();
    private readonly ManualTimeProvider _time = new();
    private readonly OpenObjectCache _open;

    public OpenObjectCacheTests() => _open = new(_time);

    public void Dispose()
    {
        _open.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void The_least_recently_used_file_is_closed_when_there_are_too_many()
    {
        var handles = new List<SafeFileHandle>();
        for (var i = 0; i < OpenObjectCache.Capacity; i++)
            handles.Add(Keep($"{i}"));
        _open.Return(_open.Rent("0")!);

        Keep("one more");

        Assert.Equal(OpenObjectCache.Capacity, _open.Count);
        Assert.False(handles[0].IsClosed);
        Assert.True(handles[1].IsClosed);
        Assert.Null(_open.Rent("1"));
        Assert.False(handles[2].IsClosed);
    }

    [Fact]
    public void A_file_in_use_is_closed_when_it_is_returned()
    {
        Keep("a");
        var first = _open.Rent("a")!;
        var second = _open.Rent("a")!;

        _open.Drop("a");
        Assert.Null(_open.Rent("a"));
        _open.Return(first);
        Assert.False(second.Handle.IsClosed);
        _open.Return(second);
        Assert.True(second.Handle.IsClosed);
    }

    [Fact]
    public void Two_callers_that_open_the_same_file_share_the_first_handle()
    {
        var first = Keep("a");
        var second = Handle();

        var shared = _open.Keep("a", second);

        Assert.Same(first, shared.Handle);
        Assert.True(second.IsClosed);
    }

    [Fact]
    public void Old_files_are_closed_even_if_they_are_in_use()
    {
        var old = Keep("old");
        _time.Advance(TimeSpan.FromMinutes(1));
        var young = Keep("young");
        _open.Return(_open.Rent("old")!);

        _time.Advance(OpenObjectCache.MaxAge - TimeSpan.FromMinutes(1));

        Assert.True(old.IsClosed);
        Assert.False(young.IsClosed);
    }

    private SafeFileHandle Keep(string name)
    {
        var open = _open.Keep(name, Handle());
        _open.Return(open);
        return open.Handle;
    }

    private SafeFileHandle Handle() => File.OpenHandle(_path);
}
