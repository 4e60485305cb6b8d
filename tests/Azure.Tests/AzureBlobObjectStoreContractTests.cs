using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Tests.Objects;

namespace OrleansTempo.Azure.Tests;

/// <summary>The contract of every object store, in a container with a prefix.</summary>
public sealed class AzureBlobObjectStoreContractTests(AzuriteFixture azurite) : ObjectStoreContract, IClassFixture<AzuriteFixture>, IAsyncLifetime
{
    private AzureBlobObjectStore? _store;
    private AzureBlobObjectStore? _other;

    protected override IObjectStore Store => _store!;

    protected override IObjectStore Other => _other!;

    public async Task InitializeAsync()
    {
        var options = azurite.NewContainer("tempo/eu");
        _store = await AzureBlobObjectStore.OpenAsync(options);
        _other = await AzureBlobObjectStore.OpenAsync(options);
    }

    public Task DisposeAsync() => Task.CompletedTask;
}
