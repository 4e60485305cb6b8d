using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Hosting;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Silo.Providers;

/// <summary>Adds <see cref="ObjectStoreGrainStorage"/> to a silo.</summary>
internal static class ObjectStoreGrainStorageExtensions
{
    /// <summary>
    /// Stores the state of the grain storage <paramref name="name"/> in the <see cref="IObjectStore"/> of the silo's services, serialised by
    /// their <see cref="IGrainStorageSerializer"/> of that name, or else by the silo's default.
    /// </summary>
    public static ISiloBuilder AddObjectStoreGrainStorage(this ISiloBuilder builder, string name)
    {
        builder.Services.AddGrainStorage(name, static (services, name) => new ObjectStoreGrainStorage(
            name,
            services.GetRequiredService<IObjectStore>(),
            services.GetKeyedService<IGrainStorageSerializer>(name) ?? services.GetRequiredService<IGrainStorageSerializer>(),
            services.GetRequiredService<IActivatorProvider>()));
        return builder;
    }
}
