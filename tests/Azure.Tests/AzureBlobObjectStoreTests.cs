using System.Net;
using System.Text;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Azure.Tests;

public sealed class AzureBlobObjectStoreTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const int MiB = 1 << 20;

    [AzuriteFact]
    public async Task A_star_is_not_the_ETag_of_any_object()
    {
        var store = await OpenAsync();
        await store.PutAsync("claim", Bytes("one"));

        Assert.Null(await store.PutIfMatchAsync("claim", Bytes("two"), "*"));

        Assert.Equal("one", Text((await store.GetAsync("claim"))!.Value.Content));
    }

    [AzuriteFact]
    public async Task Of_twenty_puts_at_the_same_time_on_one_ETag_exactly_one_wins()
    {
        var store = await OpenAsync();
        var etag = await store.PutAsync("claim", Bytes("nobody's"));

        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => store.PutIfMatchAsync("claim", Bytes($"claimed by {i}"), etag)));

        var winner = Assert.Single(Enumerable.Range(0, 20), i => results[i] is not null);
        var read = await store.GetAsync("claim");
        Assert.Equal($"claimed by {winner}", Text(read!.Value.Content));
        Assert.Equal(results[winner], read.Value.ETag);
    }

    [AzuriteFact]
    public async Task Of_twenty_puts_at_the_same_time_of_an_absent_object_exactly_one_wins()
    {
        var store = await OpenAsync();

        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => store.PutIfAbsentAsync("claim", Bytes($"claimed by {i}"))));

        var winner = Assert.Single(Enumerable.Range(0, 20), i => results[i] is not null);
        Assert.Equal($"claimed by {winner}", Text((await store.GetAsync("claim"))!.Value.Content));
    }

    [AzuriteFact]
    public async Task A_conditional_put_whose_answer_is_lost_is_recognised_as_ours()
    {
        var requests = new Requests();
        var store = await AzureBlobObjectStore.OpenAsync(azurite.NewContainer(), requests.Carry, default);

        requests.LoseNextAnswer();
        var first = await store.PutIfAbsentAsync("claim", Bytes("one"));
        Assert.Equal((await store.GetAsync("claim"))!.Value.ETag, first);

        requests.LoseNextAnswer();
        var second = await store.PutIfMatchAsync("claim", Bytes("two"), first!);
        Assert.Equal((await store.GetAsync("claim"))!.Value.ETag, second);
        Assert.Equal("two", Text((await store.GetAsync("claim"))!.Value.Content));
    }

    [AzuriteFact]
    public async Task A_name_may_have_every_allowed_character_and_segments_that_end_with_dots()
    {
        var options = azurite.NewContainer();
        var store = await AzureBlobObjectStore.OpenAsync(options);
        string[] names =
        [
            "abcdefghijklmnopqrstuvwxyz/ABCDEFGHIJKLMNOPQRSTUVWXYZ/0123456789/_.=%-",
            "%2F/%/%25",
            "acme./block/data.",
            "acme/block/data",
            ".../..a/.hidden",
        ];

        foreach (var name in names)
            await store.PutAsync(name, Bytes(name));

        foreach (var name in names)
            Assert.Equal(name, Text((await store.GetAsync(name))!.Value.Content));
        Assert.Equal(names.Order(StringComparer.Ordinal), (await ListAsync(store, "")).Select(o => o.Name).Order(StringComparer.Ordinal));
        Assert.Equal("acme./block/data.", Assert.Single(await ListAsync(store, "acme./")).Name);
        Assert.Equal(["...", "%2F", "abcdefghijklmnopqrstuvwxyz", "acme", "acme."], (await store.ListFoldersAsync("")).Order(StringComparer.Ordinal).OrderBy(n => n != "..."));
        Assert.Equal(["block"], await store.ListFoldersAsync("acme./"));
        Assert.DoesNotContain(await BlobNamesAsync(options), n => n.EndsWith('.') || n.Contains("./", StringComparison.Ordinal));
    }

    [AzuriteFact]
    public async Task A_prefix_keeps_its_objects_to_itself()
    {
        var options = azurite.NewContainer();
        var whole = await AzureBlobObjectStore.OpenAsync(options);
        var one = await AzureBlobObjectStore.OpenAsync(options with { Prefix = "tempo/eu/" });
        var two = await AzureBlobObjectStore.OpenAsync(options with { Prefix = "tempo/eu2" });

        await one.PutAsync("acme/data", Bytes("one"));
        await two.PutAsync("acme/data", Bytes("two"));

        Assert.Equal("one", Text((await one.GetAsync("acme/data"))!.Value.Content));
        Assert.Equal("acme/data", Assert.Single(await ListAsync(one, "")).Name);
        Assert.Equal(["acme"], await one.ListFoldersAsync(""));
        Assert.Equal(["tempo/eu/acme/data", "tempo/eu2/acme/data"], (await ListAsync(whole, "")).Select(o => o.Name).Order());
        await one.DeleteAsync("acme/data");
        Assert.Equal("two", Text((await two.GetAsync("acme/data"))!.Value.Content));
    }

    [AzuriteFact]
    public async Task Blobs_that_cannot_be_objects_are_not_listed()
    {
        var options = azurite.NewContainer();
        var store = await AzureBlobObjectStore.OpenAsync(options);
        var container = AzuriteFixture.Look(options);
        await container.UploadBlobAsync("photos of 2024/beach at noon.jpg", BinaryData.FromString("."));
        await container.UploadBlobAsync("read me.txt", BinaryData.FromString("."));
        await store.PutAsync("acme/data", Bytes("1"));

        Assert.Equal("acme/data", Assert.Single(await ListAsync(store, "")).Name);
        Assert.Equal(["acme"], await store.ListFoldersAsync(""));
    }

    [AzuriteFact]
    public async Task A_large_object_written_in_parts_appears_whole_when_it_is_completed()
    {
        var options = azurite.NewContainer();
        var store = await AzureBlobObjectStore.OpenAsync(options);
        var content = new byte[3 * 8 * MiB + 12_345];
        new Random(1).NextBytes(content);

        await using (var writer = await store.CreateAsync("acme/block/data"))
        {
            var part = new byte[8 * MiB];
            for (var written = 0; written < content.Length; written += part.Length)
            {
                var length = Math.Min(part.Length, content.Length - written);
                content.AsSpan(written, length).CopyTo(part);
                await writer.WriteAsync(part.AsMemory(0, length));
                part.AsSpan().Clear();
            }

            Assert.Null(await store.GetAsync("acme/block/data"));
            Assert.Empty(await ListAsync(store, ""));
            await writer.CompleteAsync();
        }

        Assert.Equal(content, (await store.GetAsync("acme/block/data"))!.Value.Content.ToArray());
        var tail = new byte[20_000];
        Assert.Equal(12_345, await store.ReadAsync("acme/block/data", 24 * MiB, tail));
        Assert.Equal(content[(24 * MiB)..], tail[..12_345]);
        var blocks = (await AzuriteFixture.Look(options).GetBlockBlobClient("acme/block/data").GetBlockListAsync()).Value.CommittedBlocks;
        Assert.Equal([4L * MiB, 4 * MiB, 4 * MiB, 4 * MiB, 4 * MiB, 4 * MiB, 12_345], blocks.Select(b => b.SizeLong));
    }

    [AzuriteFact]
    public async Task Small_parts_are_gathered_into_blocks()
    {
        var options = azurite.NewContainer();
        var store = await AzureBlobObjectStore.OpenAsync(options);
        var content = new byte[5 * MiB];
        new Random(2).NextBytes(content);

        await using (var writer = await store.CreateAsync("data"))
        {
            var part = new byte[700_001];
            for (var written = 0; written < content.Length; written += part.Length)
            {
                var length = Math.Min(part.Length, content.Length - written);
                content.AsSpan(written, length).CopyTo(part);
                await writer.WriteAsync(part.AsMemory(0, length));
                part.AsSpan().Clear();
            }

            await writer.CompleteAsync();
        }

        Assert.Equal(content, (await store.GetAsync("data"))!.Value.Content.ToArray());
        var blocks = (await AzuriteFixture.Look(options).GetBlockBlobClient("data").GetBlockListAsync()).Value.CommittedBlocks;
        Assert.Equal([4L * MiB, MiB], blocks.Select(b => b.SizeLong));
    }

    [AzuriteFact]
    public async Task An_object_of_less_than_a_block_takes_one_request()
    {
        var requests = new Requests();
        var store = await AzureBlobObjectStore.OpenAsync(azurite.NewContainer(), requests.Carry, default);
        await store.PutAsync("data", Bytes("what was there before"));
        var before = requests.Count;

        await using var writer = await store.CreateAsync("data");
        await writer.WriteAsync(Bytes("one, "));
        await writer.WriteAsync(Bytes("two"));
        await writer.CompleteAsync();

        Assert.Equal(1, requests.Count - before);
        Assert.Equal("one, two", Text((await store.GetAsync("data"))!.Value.Content));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await writer.WriteAsync(Bytes("three")));
    }

    [AzuriteFact]
    public async Task An_object_completed_without_parts_is_empty()
    {
        var store = await OpenAsync();

        await using (var writer = await store.CreateAsync("data"))
            await writer.CompleteAsync();

        Assert.Equal(0, (await store.GetAsync("data"))!.Value.Content.Length);
    }

    [AzuriteFact]
    public async Task A_writer_disposed_before_it_is_completed_leaves_what_was_there()
    {
        var store = await OpenAsync();
        await store.PutAsync("old", Bytes("as it was"));

        foreach (var name in new[] { "old", "new" })
        {
            await using var writer = await store.CreateAsync(name);
            await writer.WriteAsync(new byte[9 * MiB]);
        }

        Assert.Equal("as it was", Text((await store.GetAsync("old"))!.Value.Content));
        Assert.Null(await store.GetAsync("new"));
        Assert.Equal("old", Assert.Single(await ListAsync(store, "")).Name);
    }

    [AzuriteFact]
    public async Task A_writer_does_not_complete_after_a_failed_write()
    {
        var requests = new Requests();
        var store = await AzureBlobObjectStore.OpenAsync(azurite.NewContainer(), requests.Carry, default);
        await using var writer = await store.CreateAsync("data");
        await writer.WriteAsync(new byte[8 * MiB]);

        requests.Answer = () => Refusal(HttpStatusCode.InsufficientStorage, "OutOfSpace");
        await Assert.ThrowsAsync<IOException>(async () => await writer.WriteAsync(new byte[8 * MiB]));
        requests.Answer = null;

        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.CompleteAsync());
        Assert.Null(await store.GetAsync("data"));
    }

    [AzuriteFact]
    public async Task Two_writers_of_one_object_never_mix_their_parts()
    {
        var store = await OpenAsync();
        await using var first = await store.CreateAsync("data");
        await using var second = await store.CreateAsync("data");
        var ones = new byte[4 * MiB];
        var twos = new byte[4 * MiB];
        ones.AsSpan().Fill(1);
        twos.AsSpan().Fill(2);

        for (var i = 0; i < 2; i++)
        {
            await first.WriteAsync(ones);
            await second.WriteAsync(twos);
        }

        await first.CompleteAsync();

        byte[] expected = [.. ones, .. ones];
        Assert.Equal(expected, (await store.GetAsync("data"))!.Value.Content.ToArray());
    }

    [AzuriteFact]
    public async Task A_writer_whose_blocks_were_dropped_says_that_another_writer_replaced_the_blob()
    {
        var (store, requests) = await OpenWithRequestsAsync();
        await using var writer = await store.CreateAsync("data");
        await writer.WriteAsync(new byte[4 * MiB]);
        requests.Answer = () => Refusal(HttpStatusCode.BadRequest, "InvalidBlockList");

        var error = await Assert.ThrowsAsync<IOException>(() => writer.CompleteAsync());

        Assert.Contains("blob 'data'", error.Message, StringComparison.Ordinal);
        Assert.Contains("another writer has replaced the blob in the meantime", error.Message, StringComparison.Ordinal);
    }

    [AzuriteFact]
    public async Task A_refusal_for_another_reason_than_the_condition_is_an_error()
    {
        var (store, requests) = await OpenWithRequestsAsync();

        requests.Answer = () => Refusal(HttpStatusCode.PreconditionFailed, "LeaseIdMissing");
        await Assert.ThrowsAsync<IOException>(() => store.PutIfMatchAsync("claim", Bytes("1"), "0x0"));
        requests.Answer = () => Refusal(HttpStatusCode.Conflict, "BlobImmutableDueToPolicy");
        await Assert.ThrowsAsync<IOException>(() => store.PutIfAbsentAsync("claim", Bytes("1")));
    }

    [AzuriteFact]
    public async Task Opening_creates_a_missing_container_and_takes_one_request_if_it_exists()
    {
        var options = azurite.NewContainer();
        Assert.False(await AzuriteFixture.Look(options).ExistsAsync());

        await AzureBlobObjectStore.OpenAsync(options);
        var requests = new Requests();
        await AzureBlobObjectStore.OpenAsync(options, requests.Carry, default);

        Assert.True(await AzuriteFixture.Look(options).ExistsAsync());
        Assert.Equal(1, requests.Count);
    }

    [AzuriteFact]
    public async Task An_account_and_its_key_open_an_emulator_named_by_host_and_port()
    {
        var options = azurite.NewContainer() with
        {
            ConnectionString = "",
            StorageAccountName = AzuriteProcess.Account,
            StorageAccountKey = AzuriteProcess.Key,
            EndpointSuffix = azurite.Process.Address,
        };

        var store = await AzureBlobObjectStore.OpenAsync(options);
        await store.PutAsync("data", Bytes("1"));

        Assert.Equal("1", Text((await store.GetAsync("data"))!.Value.Content));
    }

    [AzuriteFact]
    public async Task A_wrong_key_is_an_error_that_names_the_setting()
    {
        var options = azurite.NewContainer();
        options = options with { ConnectionString = options.ConnectionString.Replace("Eby8", "AAAA", StringComparison.Ordinal) };

        var error = await Assert.ThrowsAsync<IOException>(() => AzureBlobObjectStore.OpenAsync(options));

        Assert.StartsWith($"opening container '{options.ContainerName}' of {azurite.Process.Address} failed: 403 ", error.Message, StringComparison.Ordinal);
        Assert.Contains("storage_account_key", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("AAAA", error.Message, StringComparison.Ordinal);
    }

    [AzuriteFact]
    public async Task A_container_that_is_gone_is_an_error_and_not_an_absent_object()
    {
        var options = azurite.NewContainer();
        var store = await AzureBlobObjectStore.OpenAsync(options);
        await AzuriteFixture.Look(options).DeleteAsync();

        var errors = new List<IOException>
        {
            await Assert.ThrowsAsync<IOException>(() => store.GetAsync("acme/data")),
            await Assert.ThrowsAsync<IOException>(async () => await store.ReadAsync("acme/data", 0, new byte[1])),
            await Assert.ThrowsAsync<IOException>(() => store.PutAsync("acme/data", Bytes("1"))),
            await Assert.ThrowsAsync<IOException>(() => store.PutIfAbsentAsync("acme/data", Bytes("1"))),
            await Assert.ThrowsAsync<IOException>(() => store.PutIfMatchAsync("acme/data", Bytes("1"), "0x0")),
        };

        Assert.All(errors, e => Assert.Contains($"blob 'acme/data' in container '{options.ContainerName}'", e.Message, StringComparison.Ordinal));
        Assert.All(errors, e => Assert.Contains("404 ContainerNotFound; create the container", e.Message, StringComparison.Ordinal));
        await Assert.ThrowsAsync<IOException>(() => ListAsync(store, ""));
        await Assert.ThrowsAsync<IOException>(() => store.ListFoldersAsync(""));
    }

    [AzuriteFact]
    public async Task A_missing_role_is_an_error_that_names_the_role()
    {
        var (store, requests) = await OpenWithRequestsAsync();
        requests.Answer = () => Refusal(HttpStatusCode.Forbidden, "AuthorizationPermissionMismatch");

        var error = await Assert.ThrowsAsync<IOException>(() => store.PutAsync("acme/data", Bytes("1")));

        Assert.Contains("403 AuthorizationPermissionMismatch", error.Message, StringComparison.Ordinal);
        Assert.Contains("Storage Blob Data Contributor", error.Message, StringComparison.Ordinal);
    }

    [AzuriteFact]
    public async Task Temporary_failures_are_retried()
    {
        var (store, requests) = await OpenWithRequestsAsync();
        var refusals = 2;
        requests.Answer = () =>
        {
            if (--refusals == 0)
                requests.Answer = null;
            return Refusal(HttpStatusCode.ServiceUnavailable, "ServerBusy");
        };

        await store.PutAsync("acme/data", Bytes("1"));

        Assert.Equal("1", Text((await store.GetAsync("acme/data"))!.Value.Content));
    }

    [AzuriteFact]
    public async Task An_unreachable_account_is_an_error_after_five_tries()
    {
        var (store, requests) = await OpenWithRequestsAsync();
        requests.Answer = () => throw new HttpRequestException("no such host is known");
        var before = requests.Count;

        var error = await Assert.ThrowsAsync<IOException>(() => store.GetAsync("acme/data"));

        Assert.Equal(5, requests.Count - before);
        Assert.Contains("no such host is known; check storage.trace.azure.storage_account_name", error.Message, StringComparison.Ordinal);
    }

    [AzuriteFact]
    public async Task A_cancelled_request_is_not_a_failure_of_the_store()
    {
        var store = await OpenAsync();
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.GetAsync("data", cancelled.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.PutAsync("data", Bytes("1"), cancelled.Token));
    }

    private Task<AzureBlobObjectStore> OpenAsync() => AzureBlobObjectStore.OpenAsync(azurite.NewContainer());

    private async Task<(AzureBlobObjectStore Store, Requests Requests)> OpenWithRequestsAsync()
    {
        var requests = new Requests();
        return (await AzureBlobObjectStore.OpenAsync(azurite.NewContainer(), requests.Carry, default), requests);
    }

    private static async Task<List<ObjectInfo>> ListAsync(IObjectStore store, string prefix)
    {
        var found = new List<ObjectInfo>();
        await foreach (var info in store.ListAsync(prefix))
            found.Add(info);
        return found;
    }

    private static async Task<List<string>> BlobNamesAsync(AzureStorageOptions options)
    {
        var names = new List<string>();
        await foreach (var blob in AzuriteFixture.Look(options).GetBlobsAsync(new GetBlobsOptions()))
            names.Add(blob.Name);
        return names;
    }

    private static HttpResponseMessage Refusal(HttpStatusCode status, string code)
    {
        var response = new HttpResponseMessage(status) { Content = new ByteArrayContent([]) };
        response.Headers.Add("x-ms-error-code", code);
        return response;
    }

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
