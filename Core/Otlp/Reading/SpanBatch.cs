using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// A request's spans as flat arrays of structs that point into its one buffer; no span, attribute or string is an object.
/// <code>
///   RequestBuffer  [ ...resource.....span.......span.......resource.....span... ]
///   Resources      [ r0, r1 ]               r.FirstAttribute ─┐
///   Spans          [ s0, s1, s2 ]           s.FirstAttribute ─┤   s.Resource ─► Resources
///   Attributes     [ a0, a1, ... ]   ◄────────────────────────┘
/// </code>
/// Batches are pooled. The renter holds the first lease. Whoever keeps the batch beyond a call takes another one, and the last release gives back the
/// arrays and the buffer.
/// </summary>
public sealed class SpanBatch
{
    private const long MaxPooledBytes = 64 << 20;

    // A valid span takes at least 30 bytes on the wire, 34 with a resource and scope of its own, and 152 in memory: less than five times as many. A
    // request above that ratio consists of empty two-byte messages, and is refused before it is read to the end. A small request may have any ratio.
    private const int MaxRecordBytesPerByte = 6;
    private const long UncheckedRecordBytes = 8 << 20;

    private const int FirstSpans = 64, FirstResources = 8, FirstScopes = 8, FirstAttributes = 512;

    private static readonly ConcurrentQueue<SpanBatch> s_pool = new();
    private static long s_pooledBytes;

    private int _leases;
    private RequestBuffer? _buffer;
    private SpanRecord[] _spans = new SpanRecord[FirstSpans];
    private ResourceRecord[] _resources = new ResourceRecord[FirstResources];
    private ScopeRecord[] _scopes = new ScopeRecord[FirstScopes];
    private AttributeRecord[] _attributes = new AttributeRecord[FirstAttributes];
    private int _spanCount;
    private int _resourceCount;
    private int _scopeCount;
    private int _attributeCount;
    private byte[] _envelopes = [];
    private int _envelopeBytes;
    private bool _hasEnvelopes;
    private bool _isAdmitted;

    private SpanBatch()
    {
    }

    /// <summary>The request's bytes; every slice points into them.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer!.Bytes;

    /// <summary>Like <see cref="Bytes"/>, for callers that keep them while they hold a lease.</summary>
    public ReadOnlyMemory<byte> Memory => _buffer!.Array.AsMemory(0, _buffer.Length);

    public ReadOnlySpan<SpanRecord> Spans => _spans.AsSpan(0, _spanCount);

    public ReadOnlySpan<ResourceRecord> Resources => _resources.AsSpan(0, _resourceCount);

    public ReadOnlySpan<ScopeRecord> Scopes => _scopes.AsSpan(0, _scopeCount);

    /// <summary>The memory the batch holds, in bytes: its buffer and its arrays, used or not.</summary>
    public long MemoryBytes => _buffer!.Capacity + ArrayBytes;

    /// <summary>The number of keys and values, in all attributes of the request, that exceed the limit given to <see cref="TryRead"/>.</summary>
    public int OversizedAttributes { get; internal set; }

    public ReadOnlySpan<AttributeRecord> Attributes(in ResourceRecord resource) =>
        _attributes.AsSpan(resource.FirstAttribute, resource.AttributeCount);

    public ReadOnlySpan<AttributeRecord> Attributes(in SpanRecord span) =>
        _attributes.AsSpan(span.FirstAttribute, span.AttributeCount);

    /// <summary>
    /// Reads a request. On success the caller holds the batch's one lease. Either way the batch takes over the buffer; on failure it has been
    /// returned. If the buffer counts towards a limit, so do the records read.
    /// </summary>
    /// <param name="buffer">The bytes of an <c>ExportTraceServiceRequest</c>.</param>
    /// <param name="maxAttributeBytes">Longer attribute keys and string values are counted in <see cref="OversizedAttributes"/>; 0 for no limit.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="error">What is wrong with the bytes.</param>
    /// <param name="isAdmitted">Whether a request with the same spans, scopes, resources and attributes has been accepted before, so that their number is no reason to refuse it.</param>
    /// <exception cref="RequestMemoryException">There is no memory for its records, now or ever.</exception>
    public static bool TryRead(
        RequestBuffer buffer,
        int maxAttributeBytes,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SpanBatch? batch,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out OtlpReadError? error,
        bool isAdmitted = false)
    {
        if (s_pool.TryDequeue(out batch))
            Interlocked.Add(ref s_pooledBytes, -batch.ArrayBytes);
        else
            batch = new SpanBatch();
        batch._buffer = buffer;
        batch._leases = 1;
        batch._spanCount = batch._resourceCount = batch._scopeCount = batch._attributeCount = 0;
        batch.OversizedAttributes = 0;
        batch._hasEnvelopes = false;
        batch._isAdmitted = isAdmitted || !buffer.IsCounted;

        var isRead = false;
        try
        {
            var reader = new OtlpReader(batch, buffer.Bytes, maxAttributeBytes);
            error = reader.Read();
            if (error is null)
                batch.CountRecords(buffer.Length);
            isRead = error is null;
        }
        catch (RequestMemoryException full)
        {
            full.SpansRead = batch._spanCount;
            throw;
        }
        finally
        {
            if (!isRead)
                batch.Release();
        }

        if (!isRead)
            batch = null;
        return isRead;
    }

    /// <summary>Keeps the batch readable until a matching <see cref="Release"/>.</summary>
    public void Lease() => Interlocked.Increment(ref _leases);

    public void Release()
    {
        var left = Interlocked.Decrement(ref _leases);
        if (left > 0)
            return;
        if (left < 0)
            throw new InvalidOperationException("A span batch was released more often than it was leased.");

        _buffer!.Return();
        _buffer = null;
        var bytes = ArrayBytes;
        if (Interlocked.Add(ref s_pooledBytes, bytes) <= MaxPooledBytes)
            s_pool.Enqueue(this);
        else
            Interlocked.Add(ref s_pooledBytes, -bytes);
    }

    /// <summary>
    /// Replaces <see cref="Release"/> when it is unknown whether somebody still reads: the batch stays readable for whoever holds it, and is left to
    /// the garbage collector.
    /// </summary>
    public void Abandon() => _buffer!.Abandon();

    /// <summary>Builds what is otherwise built on first use; afterwards any number of threads may read the batch at once.</summary>
    public void Prepare() => BuildEnvelopes();

    /// <summary>
    /// The fields of a resource's <c>ResourceSpans</c> except its scope spans, each with its tag: the resource and its schema URL. Call it from one
    /// thread at a time, or after <see cref="Prepare"/>.
    /// </summary>
    internal ReadOnlySpan<byte> Envelope(in ResourceRecord resource)
    {
        BuildEnvelopes();
        return _envelopes.AsSpan(resource.Envelope.Offset, resource.Envelope.Length);
    }

    /// <summary>
    /// The fields of a scope's <c>ScopeSpans</c> except its spans, each with its tag: the scope and its schema URL. Call it from one thread at a
    /// time, or after <see cref="Prepare"/>.
    /// </summary>
    internal ReadOnlySpan<byte> Envelope(in ScopeRecord scope)
    {
        BuildEnvelopes();
        return _envelopes.AsSpan(scope.Envelope.Offset, scope.Envelope.Length);
    }

    /// <summary>Removes the spans for which <paramref name="keep"/> is false, keeping the order of the rest.</summary>
    /// <returns>How many were removed.</returns>
    internal int RemoveWhere(Func<SpanBatch, int, bool> keep)
    {
        var kept = 0;
        for (var i = 0; i < _spanCount; i++)
        {
            if (!keep(this, i))
                continue;
            if (kept != i)
                _spans[kept] = _spans[i];
            kept++;
        }

        var removed = _spanCount - kept;
        _spanCount = kept;
        return removed;
    }

    /// <summary>Adds a span.</summary>
    /// <param name="position">How many bytes have been read so far; the same for the methods that follow.</param>
    internal ref SpanRecord AddSpan(int position)
    {
        if (_spanCount == _spans.Length)
            Grow(ref _spans, position);
        ref var span = ref _spans[_spanCount++];
        span = default;
        return ref span;
    }

    internal int AddResource(int position)
    {
        if (_resourceCount == _resources.Length)
            Grow(ref _resources, position);
        _resources[_resourceCount] = default;
        return _resourceCount++;
    }

    internal int AddScope(in ScopeRecord scope)
    {
        if (_scopeCount == _scopes.Length)
            Grow(ref _scopes, scope.Message.Offset);
        _scopes[_scopeCount] = scope;
        return _scopeCount++;
    }

    internal ref ResourceRecord ResourceAt(int index) => ref _resources[index];

    // The size of the records read, in bytes; the arrays of a pooled batch may be larger.
    private long RecordBytes => SizeOf(_spanCount, _resourceCount, _scopeCount, _attributeCount);

    private static long SizeOf(long spans, long resources, long scopes, long attributes) =>
        (spans * Unsafe.SizeOf<SpanRecord>()) + (resources * Unsafe.SizeOf<ResourceRecord>()) + (scopes * Unsafe.SizeOf<ScopeRecord>()) + (attributes * Unsafe.SizeOf<AttributeRecord>());

    // The capacity that every batch keeps, request or not, does not count.
    private void CountRecords(int position, long growth = 0)
    {
        var most = Math.Max(UncheckedRecordBytes, (long)position * MaxRecordBytesPerByte);
        if (!_isAdmitted && RecordBytes > most)
            throw RequestMemoryException.TooDense(position, most, _spanCount, _attributeCount);
        _buffer!.CountRecords(RecordBytes + growth - SizeOf(FirstSpans, FirstResources, FirstScopes, FirstAttributes));
    }

    // An array is counted before it grows.
    private void Grow<T>(ref T[] array, int position)
    {
        CountRecords(position, array.Length * 2L * Unsafe.SizeOf<T>());
        Array.Resize(ref array, array.Length * 2);
    }

    private long ArrayBytes => SizeOf(_spans.Length, _resources.Length, _scopes.Length, _attributes.Length) + _envelopes.Length;

    // In both messages the repeated field has number 2, and all other fields belong to the envelope.
    private void BuildEnvelopes()
    {
        if (_hasEnvelopes)
            return;
        _envelopeBytes = 0;
        foreach (ref var resource in _resources.AsSpan(0, _resourceCount))
            resource.Envelope = CopyAllBut(2, resource.Message);
        foreach (ref var scope in _scopes.AsSpan(0, _scopeCount))
            scope.Envelope = CopyAllBut(2, scope.Message);
        _hasEnvelopes = true;
    }

    private Slice CopyAllBut(int repeatedField, Slice message)
    {
        var start = _envelopeBytes;
        var fields = new ProtobufFields(Bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            if (fields.Field == repeatedField && fields.WireType == 2)
                continue;
            var field = Bytes[fields.Start..fields.Position];
            if (_envelopes.Length - _envelopeBytes < field.Length)
                Array.Resize(ref _envelopes, Math.Max(_envelopeBytes + field.Length, Math.Max(4096, _envelopes.Length * 2)));
            field.CopyTo(_envelopes.AsSpan(_envelopeBytes));
            _envelopeBytes += field.Length;
        }

        return new Slice(start, _envelopeBytes - start);
    }

    internal int AttributeCount => _attributeCount;

    internal int SpanCount => _spanCount;

    internal ref AttributeRecord AddAttribute(int position)
    {
        if (_attributeCount == _attributes.Length)
            Grow(ref _attributes, position);
        return ref _attributes[_attributeCount++];
    }
}
