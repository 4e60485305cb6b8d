namespace OrleansTempo.Core.Objects;

/// <summary>An object being written part by part. If disposed without <see cref="CompleteAsync"/>, nothing of it remains.</summary>
public interface IObjectWriter : IAsyncDisposable
{
    /// <summary>Appends a part; the memory may be reused once the call has returned.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken = default);

    /// <summary>Makes the object appear, durably, replacing any existing one.</summary>
    Task CompleteAsync(CancellationToken cancellationToken = default);
}
