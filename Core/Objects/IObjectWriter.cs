namespace OrleansTempo.Core.Objects;

/// <summary>An object being written part by part. Disposed without <see cref="CompleteAsync"/>, nothing of it stays.</summary>
public interface IObjectWriter : IAsyncDisposable
{
    /// <summary>Appends a part; the memory may be used again when the call has returned.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken = default);

    /// <summary>Makes the object appear, durably, in the place of one of the same name.</summary>
    Task CompleteAsync(CancellationToken cancellationToken = default);
}
