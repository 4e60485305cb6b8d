using System.Buffers;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Azure;

/// <summary>
/// Writes a blob in blocks, which stay invisible until their list is committed; the service deletes uncommitted blocks by itself. Small parts are
/// gathered into blocks, and a blob smaller than one block is put with a single request.
/// <code>
///   WriteAsync ──▶ buffer ──full──▶ Put Block … Put Block ──CompleteAsync──▶ Put Block List
///                     └──────────────less than a block─────CompleteAsync──▶ Put Blob
/// </code>
/// If somebody puts the same blob in the meantime, the service drops the blocks, and completing fails.
/// </summary>
internal sealed class AzureBlobWriter(AzureBlobObjectStore store, string name, BlockBlobClient blob) : IObjectWriter
{
    /// <summary>A blob has at most 50,000 blocks: 195 GiB at this size.</summary>
    internal const int BlockBytes = 4 << 20;

    private readonly List<string> _blocks = [];

    // Rented when first needed. Returned only after a request that ended well: an abandoned one may still be reading it.
    private byte[]? _buffer;
    private int _buffered;
    private State _state = State.Writing;

    private enum State
    {
        Writing,
        Broken,
        Completed,
        Disposed,
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken = default)
    {
        RequireWriting();
        while (part.Length > 0)
        {
            // A whole block in the caller's memory needs no copy.
            if (_buffered == 0 && part.Length >= BlockBytes)
            {
                await StageAsync(part[..BlockBytes], cancellationToken).ConfigureAwait(false);
                part = part[BlockBytes..];
                continue;
            }

            _buffer ??= ArrayPool<byte>.Shared.Rent(BlockBytes);
            var taken = Math.Min(part.Length, BlockBytes - _buffered);
            part[..taken].CopyTo(_buffer.AsMemory(_buffered));
            _buffered += taken;
            part = part[taken..];
            if (_buffered == BlockBytes)
            {
                await StageAsync(_buffer.AsMemory(0, _buffered), cancellationToken).ConfigureAwait(false);
                _buffered = 0;
            }
        }
    }

    public async Task CompleteAsync(CancellationToken cancellationToken = default)
    {
        RequireWriting();
        var rest = _buffer.AsMemory(0, _buffered);
        if (_blocks.Count == 0)
        {
            await SendAsync(cancellation => AzureBlobObjectStore.UploadAsync(blob, rest, new BlobUploadOptions(), cancellation), cancellationToken)
                .ConfigureAwait(false);
        }
        else
        {
            if (_buffered > 0)
                await StageAsync(rest, cancellationToken).ConfigureAwait(false);
            await SendAsync(cancellation => blob.CommitBlockListAsync(_blocks, cancellationToken: cancellation), cancellationToken).ConfigureAwait(false);
        }

        _state = State.Completed;
        ReturnBuffer();
    }

    public ValueTask DisposeAsync()
    {
        if (_state != State.Broken)
            ReturnBuffer();
        _state = State.Disposed;
        return ValueTask.CompletedTask;
    }

    private async Task StageAsync(ReadOnlyMemory<byte> block, CancellationToken cancellationToken)
    {
        // Blocks belong to the blob, not to the writer: a unique name for each keeps two writers from mixing theirs.
        var id = Convert.ToBase64String(Guid.NewGuid().ToByteArray());
        await SendAsync(
            async cancellation =>
            {
                using var stream = BinaryData.FromBytes(block).ToStream();
                return await blob.StageBlockAsync(id, stream, cancellationToken: cancellation).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        _blocks.Add(id);
    }

    private async Task SendAsync<T>(Func<CancellationToken, Task<T>> request, CancellationToken cancellationToken)
    {
        _state = State.Broken;
        await store.AskAsync("writing blob", name, request, cancellationToken).ConfigureAwait(false);
        _state = State.Writing;
    }

    private void RequireWriting()
    {
        ObjectDisposedException.ThrowIf(_state == State.Disposed, this);
        if (_state != State.Writing)
            throw new InvalidOperationException($"cannot write to '{name}': {(_state == State.Completed ? "it is already completed" : "an earlier write failed or is still under way")}");
    }

    private void ReturnBuffer()
    {
        if (_buffer is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        _buffer = null;
        _buffered = 0;
    }
}
